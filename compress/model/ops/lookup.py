"""Any function of one activation as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.model.activation import FEWEST_BITS, MOST_BITS, Activation, Codes
from compress.model.ops.op import Call, Op, RunsOn
from compress.model.ops.operands import check_unsigned, single

__all__ = ["Lookup"]

TABLE_SIZES = tuple(1 << bits for bits in range(FEWEST_BITS, MOST_BITS + 1))
BOUNDED = ("clamp", "clamp_max", "clamp_min", "hardsigmoid", "hardtanh", "relu", "relu6", "threshold")
GATED = ("celu", "elu", "gelu", "hardswish", "leaky_relu", "mish", "selu", "silu")
ELEMENTARY = ("abs", "erf", "exp", "expm1", "log", "log1p", "neg", "reciprocal", "rsqrt", "sqrt", "square")
OTHERS = ("floor", "round", "sigmoid", "sign", "tanh")
WITH_IN_PLACE = (*BOUNDED, *GATED, *ELEMENTARY, *OTHERS)
ONLY_A_COPY = ("hardshrink", "log_sigmoid", "prelu", "softplus", "softshrink", "special_expit")


@dataclass(frozen=True)
class Lookup(Op):
    """``table[code]``: the function in double precision, rounded half up to a code and saturated.

    Members
    -------
    table : tuple of int
        One code of the result for each of the operand's 2**bits codes.
    bits, scale, zero_point :
        Of the result.
    """

    KIND: ClassVar = "lookup"
    RUNS_ON: ClassVar = RunsOn.HOST
    CHANNELWISE: ClassVar = True
    TARGETS: ClassVar = frozenset(
        {f"aten.{name}.default" for name in (*WITH_IN_PLACE, *(f"{name}_" for name in WITH_IN_PLACE), *ONLY_A_COPY)}
        | {"aten.pow.Tensor_Scalar", "aten.pow_.Scalar"}
    )

    table: tuple[int, ...]
    bits: int
    scale: float
    zero_point: int

    def __post_init__(self) -> None:
        if len(self.table) not in TABLE_SIZES:
            raise CodesignError(f"lookup has a table of {len(self.table)} codes", f"give one of {TABLE_SIZES}")
        if not FEWEST_BITS <= self.bits <= MOST_BITS or not 0 <= min(self.table) <= max(self.table) < 1 << self.bits:
            raise CodesignError(
                f"lookup gives codes {min(self.table)}..{max(self.table)} of {self.bits} bits",
                "calibrate the model again",
            )

    @classmethod
    def lower(cls, call: Call, inputs: tuple[Activation, ...], output: Activation) -> Self:
        """Torch's function of what each code stands for; an infinite result saturates."""
        if len(inputs) != 1:
            raise call.refuse(f"reads {len(inputs)} activations", "use a function of one activation")
        codes = np.arange(1 << inputs[0].bits, dtype=np.int16)
        operand = inputs[0].decode(codes)
        results = _in_double_precision(call, operand)
        if (undefined := np.isnan(results)).any():
            raise call.refuse(
                f"is not defined at {operand[undefined][0]:g}, which a code of its operand stands for",
                "keep its operand where it is defined, for example by a ReLU",
            )
        with np.errstate(over="ignore"):  # what is beyond all floats saturates too
            codes_of_results = np.floor(results / output.scale + 0.5) + output.zero_point
        table = np.clip(codes_of_results, 0, (1 << output.bits) - 1)
        return cls(tuple(int(code) for code in table), output.bits, output.scale, output.zero_point)

    def output(self, inputs: tuple[Activation, ...]) -> Activation:
        """Of the operand's shape, with scale and zero point of its own."""
        operand = single(inputs, self.KIND)
        check_unsigned(inputs, self.KIND)
        if len(self.table) != 1 << operand.bits:
            raise CodesignError(
                f"lookup has a table of {len(self.table)} codes, its operand {1 << operand.bits}", "calibrate again"
            )
        return Activation(operand.shape, self.bits, self.scale, self.zero_point)

    def run(self, *codes: Codes) -> Codes:
        """(N, ...) of the operand's shape."""
        (operand,) = codes
        return np.array(self.table, np.int16)[operand]


def _in_double_precision(call: Call, operand: NDArray[np.float64]) -> NDArray[np.float64]:
    """The function's values by torch."""
    import torch

    _, name, overload = call.target.split(".")
    if name.endswith("_"):
        name, overload = name[:-1], {"Scalar": "Tensor_Scalar"}.get(overload, overload)
    arguments = dict(call.arguments)
    if name == "prelu":
        arguments["weight"] = torch.tensor(_slope(call), dtype=torch.float64).reshape(1)
    function = getattr(getattr(torch.ops.aten, name), overload)
    operand_name = function._schema.arguments[0].name
    results: NDArray[np.float64] = function(**{operand_name: torch.from_numpy(operand)}, **arguments).numpy()
    return results


def _slope(call: Call) -> float:
    """The one weight of a PReLU."""
    weight = call.arguments["weight"]
    weights = np.atleast_1d(np.asarray(weight, np.float64)).reshape(-1)
    if len(weights) != 1:
        raise call.refuse(f"has {len(weights)} weights", "use a PReLU with one weight for all channels")
    return float(weights[0])
