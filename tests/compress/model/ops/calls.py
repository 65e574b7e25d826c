"""What the tests of operations share: calls as capture gives them, operands, and torch's answer in double precision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray

from compress.model.activation import Activation, Codes
from compress.model.ops.op import Call, Op
from compress.model.ops.registry import op_of_target


def aten(target: str) -> Any:
    """Torch's operation."""
    _, name, overload = target.split(".")
    return getattr(getattr(torch.ops.aten, name), overload)


def torch_answer(target: str, operands: list[NDArray[np.float64]], arguments: Mapping[str, Any]) -> NDArray[np.float64]:
    """Torch's result for operands (N, ...)."""
    function = aten(target)
    tensors = [torch.from_numpy(np.ascontiguousarray(operand)) for operand in operands]
    waiting = iter(tensors)
    named = {}
    for argument in function._schema.arguments:
        if argument.name in arguments:
            named[argument.name] = arguments[argument.name]
        else:
            named[argument.name] = tensors if "List" in str(argument.type) else next(waiting)
    answer = function(**named)
    return np.asarray((answer[0] if isinstance(answer, tuple) else answer).numpy(), np.float64)


def make_call(target: str, inputs: tuple[Activation, ...], shape: tuple[int, ...] = (), **arguments: Any) -> Call:
    """A call with all of torch's defaults."""
    defaults = {}
    if target.startswith("aten."):
        named = aten(target)._schema.arguments
        defaults = {each.name: each.default_value for each in named if each.has_default_value()}
    names = tuple(f"x{place}" for place in range(len(inputs)))
    shapes = tuple(operand.shape for operand in inputs)
    return Call("node", target, names, {**defaults, **arguments}, shape, shapes)


def float_answer(call: Call, inputs: tuple[Activation, ...], codes: tuple[Codes, ...]) -> NDArray[np.float64]:
    """What torch computes from what the codes stand for."""
    operands = [operand.decode(each) for operand, each in zip(inputs, codes, strict=True)]
    return torch_answer(call.target, operands, call.arguments)


def check_moved(target: str, inputs: tuple[Activation, ...], codes: tuple[Codes, ...], **arguments: Any) -> Op:
    """That the operation for a call moves just the codes that torch moves; returns the operation."""
    zeros = tuple(operand.zero_point for operand in inputs)
    centred = [each.astype(np.float64) - zero for each, zero in zip(codes, zeros, strict=True)]
    call = make_call(target, inputs, **arguments)
    expected = torch_answer(target, centred, call.arguments) + zeros[0]
    kind = op_of_target(target)
    assert kind is not None
    call = make_call(target, inputs, expected.shape[1:], **arguments)
    op = kind.lower(call, inputs, inputs[0])
    given = op.run(*codes)
    np.testing.assert_array_equal(given, expected)
    assert given.dtype == np.int16
    result = op.output(inputs)
    assert result.shape == given.shape[1:]
    assert (result.scale, result.zero_point, result.bits) == (inputs[0].scale, inputs[0].zero_point, inputs[0].bits)
    return op


def random_codes(operand: Activation, seed: int, samples: int = 2) -> Codes:
    """(N, ...) any codes of an operand."""
    rng = np.random.default_rng(seed)
    return rng.integers(operand.lowest, operand.highest, (samples, *operand.shape), np.int16, endpoint=True)


@st.composite
def activations(draw: st.DrawFn, shape: tuple[int, ...]) -> Activation:
    """Operands of a shape, with any bits, zero point and scale."""
    bits = draw(st.integers(4, 8))
    return Activation(shape, bits, draw(st.floats(1e-3, 10)), draw(st.integers(0, (1 << bits) - 1)))


def shapes(rank: int, largest: int = 5) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes of one sample."""
    return st.tuples(*[st.integers(1, largest)] * rank)


SEEDS = st.integers(0, 2**32 - 1)
