from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.ops.upsample import Upsample
from tests.compress.model.ops.calls import SEEDS, activations, check_moved, make_call, random_codes, shapes

NEAREST, PLAIN = "aten.upsample_nearest2d.vec", "aten.upsample_nearest2d.default"
REPEAT, EXPAND = "aten.repeat_interleave.self_int", "aten.expand.default"
OPERAND = Activation((2, 3, 4), 8, 0.1)


@given(st.data(), shapes(3, 4), st.tuples(st.integers(1, 5), st.integers(1, 5)), SEEDS)
def test_pixels_repeat_as_torchs(
    data: st.DataObject, shape: tuple[int, ...], factors: tuple[int, int], seed: int
) -> None:
    operand = data.draw(activations(shape))
    size = (shape[1] * factors[0], shape[2] * factors[1])
    scales = tuple(map(float, factors))
    ways: list[tuple[str, dict[str, Any]]] = [
        (NEAREST, {"output_size": size, "scale_factors": None}),
        (NEAREST, {"output_size": None, "scale_factors": scales}),
        (PLAIN, {"output_size": size}),
        (PLAIN, {"output_size": size, "scales_h": scales[0], "scales_w": scales[1]}),
    ]
    target, arguments = data.draw(st.sampled_from(ways))
    op = check_moved(target, (operand,), (random_codes(operand, seed),), **arguments)
    assert op == Upsample((1, *factors))


@given(st.data(), st.integers(1, 4), st.integers(1, 4), SEEDS)
def test_any_axis_repeats(data: st.DataObject, rank: int, repeats: int, seed: int) -> None:
    operand = data.draw(activations(data.draw(shapes(rank))))
    dim = data.draw(st.integers(1, rank))
    check_moved(REPEAT, (operand,), (random_codes(operand, seed),), repeats=repeats, dim=dim)


def test_a_vector_a_channel_expands_to_a_map() -> None:
    operand = Activation((3, 1, 1), 8, 0.1, 7)
    check_moved(EXPAND, (operand,), (random_codes(operand, 0),), size=(-1, -1, 4, 5))


@pytest.mark.parametrize(
    ("target", "shape", "arguments"),
    [
        (NEAREST, (2, 5, 8), {"output_size": (5, 8), "scale_factors": None}),
        (NEAREST, (2, 1, 2), {"output_size": (1, 2), "scale_factors": None}),
        (NEAREST, (2, 6, 8), {"output_size": None, "scale_factors": (2.1, 2.1)}),
        (NEAREST, (2, 9, 12), {"output_size": None, "scale_factors": (3.2, 3.2)}),
        (REPEAT, (48,), {"repeats": 2}),
        (EXPAND, (2, 6, 4), {"size": (-1, -1, 6, 4)}),
    ],
)
def test_other_repetitions_are_refused(target: str, shape: tuple[int, ...], arguments: dict[str, Any]) -> None:
    with pytest.raises(CodesignError, match="'node'"):
        Upsample.lower(make_call(target, (OPERAND,), shape, **arguments), (OPERAND,), OPERAND)


def test_factors_that_fit_no_operand_are_refused() -> None:
    for factors in ((), (1, 0), (1 << 40,)):
        with pytest.raises(CodesignError, match="factors"):
            Upsample(factors)
    with pytest.raises(CodesignError, match="2 factors"):
        Upsample((2, 2)).output((OPERAND,))
    with pytest.raises(CodesignError, match="shape"):
        Upsample((1, 1 << 20, 1 << 20)).output((OPERAND,))
