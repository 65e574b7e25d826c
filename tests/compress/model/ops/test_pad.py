from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.ops.pad import Pad
from tests.compress.model.ops.calls import SEEDS, activations, check_moved, make_call, random_codes, shapes

PAD = "aten.pad.default"
OPERAND = Activation((2, 4, 4), 8, 0.1, 3)


@given(st.data(), st.integers(1, 4), SEEDS)
def test_zeros_come_and_codes_go_as_torchs(data: st.DataObject, rank: int, seed: int) -> None:
    operand = data.draw(activations(data.draw(shapes(rank))))
    axes = data.draw(st.integers(1, rank))
    ends = tuple(data.draw(st.lists(st.integers(-3, 3), min_size=2 * axes, max_size=2 * axes)))
    sizes = operand.shape[::-1]
    for size, before, after in zip(sizes, ends[::2], ends[1::2], strict=False):
        assume(size + min(before, 0) + min(after, 0) > 0)
    target = data.draw(st.sampled_from(sorted(Pad.TARGETS)))
    check_moved(target, (operand,), (random_codes(operand, seed),), pad=ends)


@pytest.mark.parametrize("arguments", [{"mode": "reflect"}, {"mode": "replicate"}, {"value": 1.0}])
def test_other_borders_than_zeros_are_refused_by_name(arguments: dict[str, Any]) -> None:
    call = make_call(PAD, (OPERAND,), pad=(1, 1, 1, 1), **arguments)
    with pytest.raises(CodesignError, match=rf"'node' .*{next(iter(arguments.values()))}"):
        Pad.lower(call, (OPERAND,), OPERAND)


def test_the_batch_is_not_padded() -> None:
    with pytest.raises(CodesignError, match=r"'node' .*batch"):
        Pad.lower(make_call(PAD, (OPERAND,), pad=(0,) * 7 + (1,)), (OPERAND,), OPERAND)


def test_members_that_fit_no_operand_are_refused() -> None:
    with pytest.raises(CodesignError, match="borders"):
        Pad((1,), (1, 1), 3)
    with pytest.raises(CodesignError, match="borders"):
        Pad((1, 1), (1 << 40, 1), 3)
    with pytest.raises(CodesignError, match="2 axes"):
        Pad((1, 1), (1, 1), 3).output((OPERAND,))
    with pytest.raises(CodesignError, match="zero point"):
        Pad((0, 1, 1), (0, 1, 1), 2).output((OPERAND,))
    with pytest.raises(CodesignError, match="takes all"):
        Pad((-1, 0, 0), (-1, 0, 0), 3).output((OPERAND,))
    with pytest.raises(CodesignError, match="takes all"):
        Pad((5, 0, 0), (-2, 0, 0), 3).output((OPERAND,))
    with pytest.raises(CodesignError, match="shape"):
        Pad((1 << 24, 1 << 24, 0), (0, 0, 0), 3).output((OPERAND,))
