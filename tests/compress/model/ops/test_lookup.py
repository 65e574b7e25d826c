from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.ops.lookup import Lookup
from tests.compress.model.ops.calls import SEEDS, activations, float_answer, make_call, random_codes, shapes

EVERYWHERE: dict[str, dict[str, Any]] = {
    "abs": {},
    "celu": {"alpha": 0.7},
    "clamp": {"min": -0.3, "max": 2},
    "clamp_max": {"max": 1},
    "clamp_min": {"min": 0.2},
    "elu": {"alpha": 1.5},
    "erf": {},
    "exp": {},
    "expm1": {},
    "floor": {},
    "gelu": {"approximate": "tanh"},
    "hardshrink": {},
    "hardsigmoid": {},
    "hardswish": {},
    "hardtanh": {"min_val": 0.0, "max_val": 6.0},
    "leaky_relu": {"negative_slope": 0.1},
    "log_sigmoid": {},
    "mish": {},
    "neg": {},
    "reciprocal": {},
    "relu": {},
    "relu6": {},
    "round": {},
    "selu": {},
    "sigmoid": {},
    "sign": {},
    "silu": {},
    "softplus": {"beta": 2.0},
    "softshrink": {},
    "special_expit": {},
    "square": {},
    "tanh": {},
    "threshold": {"threshold": 0.1, "value": 0.2},
}
ABOVE_ZERO = ("log", "log1p", "rsqrt", "sqrt")
RELU = "aten.relu.default"
OPERAND = Activation((2, 3), 8, 0.1, 100)


@pytest.mark.parametrize("name", EVERYWHERE)
@given(st.data(), shapes(2), SEEDS)
def test_every_code_is_the_rounded_function(name: str, data: st.DataObject, shape: tuple[int, ...], seed: int) -> None:
    operand, result = data.draw(activations(shape)), data.draw(activations(shape))
    arguments = EVERYWHERE[name] if data.draw(st.booleans()) or name == "threshold" else {}
    arguments = {**arguments, **({"min": 0} if name == "clamp" and not arguments else {})}
    if name in ("clamp_min", "clamp_max"):
        arguments = EVERYWHERE[name]
    call = make_call(f"aten.{name}.default", (operand,), shape, **arguments)
    lookup = Lookup.lower(call, (operand,), result)
    codes = random_codes(operand, seed)
    reals = float_answer(call, (operand,), (codes,))
    expected = np.clip(np.floor(reals / result.scale + 0.5) + result.zero_point, 0, result.highest)
    np.testing.assert_array_equal(lookup.run(codes), expected)
    assert lookup.run(codes).dtype == np.int16
    assert lookup.output((operand,)) == result


@pytest.mark.parametrize("name", ABOVE_ZERO)
def test_functions_of_what_is_not_negative(name: str) -> None:
    operand, result = Activation((2,), 6, 0.1), Activation((2,), 8, 0.02, 128)
    lookup = Lookup.lower(make_call(f"aten.{name}.default", (operand,)), (operand,), result)
    codes = np.arange(1, 64, dtype=np.int16)[None]
    reals = getattr(np, name)(0.1 * codes) if name != "rsqrt" else 1 / np.sqrt(0.1 * codes)
    np.testing.assert_array_equal(lookup.run(codes), np.clip(np.floor(reals / 0.02 + 0.5) + 128, 0, 255))
    assert lookup.table[0] == {"log": 0, "log1p": 128, "sqrt": 128, "rsqrt": 255}[name]
    with pytest.raises(CodesignError, match=r"'node' .*not defined at -2"):
        Lookup.lower(make_call(f"aten.{name}.default", (OPERAND,)), (Activation((2,), 4, 2.0, 1),), result)


@pytest.mark.parametrize(
    ("target", "plain", "arguments"),
    [
        ("aten.relu_.default", RELU, {}),
        ("aten.hardtanh_.default", "aten.hardtanh.default", {"min_val": 0.0, "max_val": 6.0}),
        ("aten.leaky_relu_.default", "aten.leaky_relu.default", {"negative_slope": 0.2}),
        ("aten.pow_.Scalar", "aten.pow.Tensor_Scalar", {"exponent": 2}),
    ],
)
def test_in_place_is_the_same_function(target: str, plain: str, arguments: dict[str, Any]) -> None:
    tables = (
        Lookup.lower(make_call(name, (OPERAND,), **arguments), (OPERAND,), OPERAND).table for name in (target, plain)
    )
    assert len(set(tables)) == 1


@pytest.mark.parametrize("weight", [0.25, (0.25,), ((0.25,),)])
def test_a_prelu_with_one_weight_is_a_leaky_relu(weight: object) -> None:
    prelu = Lookup.lower(make_call("aten.prelu.default", (OPERAND,), weight=weight), (OPERAND,), OPERAND)
    leaky = make_call("aten.leaky_relu.default", (OPERAND,), negative_slope=0.25)
    assert prelu == Lookup.lower(leaky, (OPERAND,), OPERAND)


def test_half_rounds_up() -> None:
    operand, result = Activation((1,), 4, 1.0, 8), Activation((1,), 4, 2.0, 8)
    table = Lookup.lower(make_call("aten.clamp.default", (operand,), min=-100), (operand,), result).table
    assert table == (4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12)


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(CodesignError, match=r"'node' .*2 weights"):
        Lookup.lower(make_call("aten.prelu.default", (OPERAND,), weight=(0.1, 0.2)), (OPERAND,), OPERAND)
    with pytest.raises(CodesignError, match=r"'node' .*2 activations"):
        Lookup.lower(make_call(RELU, (OPERAND, OPERAND)), (OPERAND, OPERAND), OPERAND)
    for table in ((), (0,) * 17, (0,) * 512):
        with pytest.raises(CodesignError, match=f"table of {len(table)} codes"):
            Lookup(table, 8, 0.1, 0)
    for code, bits in ((-1, 8), (256, 8), (16, 4), (0, 9)):
        with pytest.raises(CodesignError, match=f"of {bits} bits"):
            Lookup((code,) * 256, bits, 0.1, 0)
    with pytest.raises(CodesignError, match="its operand 256"):
        Lookup((0,) * 16, 8, 0.1, 0).output((OPERAND,))
    with pytest.raises(CodesignError, match="signed"):
        Lookup((0,) * 256, 8, 0.1, 0).output((Activation((2,), 8, 0.1, signed=True),))
