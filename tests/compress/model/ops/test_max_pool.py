from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.ops.max_pool import MaxPool
from tests.compress.model.ops.calls import SEEDS, activations, check_moved, make_call, random_codes, shapes

POOL, ADAPTIVE = "aten.max_pool2d.default", "aten.adaptive_max_pool2d.default"
SIDES = st.tuples(st.integers(1, 4), st.integers(1, 4))


@given(st.data(), SIDES, SIDES, SIDES, st.booleans(), SEEDS)
def test_every_window_gives_torchs_maximum(
    data: st.DataObject,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    ceil_mode: bool,
    seed: int,
) -> None:
    operand = data.draw(activations(data.draw(shapes(3, 11))))
    spans = [step * (size - 1) + 1 for step, size in zip(dilation, kernel, strict=True)]
    padding = tuple(data.draw(st.integers(0, span // 2)) for span in spans)
    arguments: dict[str, Any] = {
        "kernel_size": kernel,
        "stride": data.draw(st.sampled_from([stride, ()])),
        "padding": padding,
        "dilation": dilation,
        "ceil_mode": ceil_mode,
    }
    codes = random_codes(operand, seed)
    reals = torch.from_numpy(codes.astype(np.float64))
    try:
        expected = torch.max_pool2d(reals, **{**arguments, "stride": arguments["stride"] or kernel})
    except RuntimeError:  # the kernel does not fit
        assume(False)
    if torch.isinf(expected).any():
        pool = MaxPool.lower(make_call(POOL, (operand,), **arguments), (operand,), operand)
        with pytest.raises(CodesignError, match="padding alone"):
            pool.output((operand,))
    else:
        check_moved(POOL, (operand,), (codes,), **arguments)


@given(st.data(), SIDES, SIDES, SEEDS)
def test_adaptive_pooling_divides_a_map_into_equal_windows(
    data: st.DataObject, kernel: tuple[int, int], places: tuple[int, int], seed: int
) -> None:
    sizes = tuple(size * count for size, count in zip(kernel, places, strict=True))
    operand = data.draw(activations((2, *sizes)))
    op = check_moved(ADAPTIVE, (operand,), (random_codes(operand, seed),), output_size=places)
    assert op == MaxPool(kernel, kernel)


def test_signed_codes_win_against_padding() -> None:
    operand = Activation((1, 2, 2), 8, 0.1, signed=True)
    check_moved(POOL, (operand,), (np.full((1, 1, 2, 2), -128, np.int16),), kernel_size=(3, 3), padding=(1, 1))


def test_windows_that_no_map_has_are_refused() -> None:
    operand = Activation((2, 6, 6), 8, 0.1)
    with pytest.raises(CodesignError, match="divides a map"):
        MaxPool.lower(make_call(ADAPTIVE, (operand,), output_size=(4, 3)), (operand,), operand)
    with pytest.raises(CodesignError, match=r"node.*kernel_size"):
        MaxPool.lower(make_call(POOL, (operand,), kernel_size=(2, 2, 2)), (operand,), operand)
    with pytest.raises(CodesignError, match="padding"):
        MaxPool((2, 2), (2, 2), (2, 0))
    with pytest.raises(CodesignError, match="kernel"):
        MaxPool((2, 0), (2, 2))
    with pytest.raises(CodesignError, match="stride"):
        MaxPool((2, 2), (1 << 40, 2))
    with pytest.raises(CodesignError, match="does not fit"):
        MaxPool((7, 7), (1, 1)).output((operand,))
    with pytest.raises(CodesignError, match="channels, rows, columns"):
        MaxPool((1, 1), (1, 1)).output((Activation((2,), 8, 0.1),))
    with pytest.raises(CodesignError, match="2 operands"):
        MaxPool((1, 1), (1, 1)).output((operand, operand))
    with pytest.raises(CodesignError, match="pads its map"):
        MaxPool((1 << 24, 1 << 24), (1, 1), (1 << 23, 1 << 23)).output((operand,))
