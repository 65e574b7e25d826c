"""The array's parameters: one frozen object for generator, packer, cycle model and synthesis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from compress.base.errors import CodesignError
from rtl.formats.dense import Dense
from rtl.formats.dense_zeros import DenseZeros
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat
from rtl.formats.registry import parse_index

__all__ = ["LEVELS", "MAX_ACC_BITS", "MAX_POWER_BITS", "MIN_ACC_BITS", "MULTIPLIERS", "STREAM_BITS", "ArrayConfig"]

MIN_ACC_BITS, MAX_ACC_BITS = 12, 32

MULTIPLIERS = ("gates", "dsp")

STREAM_BITS = (32, 64, 128, 256, 512)

LEVELS = ("linear", "powers")

MAX_POWER_BITS = 4
"""Of a code of a power of two: a sign and three bits of exponent, to 2^7, the largest level of 8 bits."""

_LIMITS = {
    "rows": (1, 64),
    "lanes": (1, 256),
    "weight_bits": (1, 8),
    "act_bits": (4, 8),
    "acc_bits": (MIN_ACC_BITS, MAX_ACC_BITS),
    "requant_lanes": (1, 256),
    "aligner_stages": (1, 2),
    "chain_depth": (0, 8),
    "subarrays": (1, 8),
    "weight_depth": (2, 1 << 24),
    "activation_depth": (4, 1 << 20),
    "table_depth": (2, 1 << 20),
    "bias_depth": (2, 1 << 16),
    "buffers": (1, 2),
}

_CHOICES: dict[str, tuple[object, ...]] = {"multipliers": MULTIPLIERS, "stream_bits": STREAM_BITS, "levels": LEVELS}


@dataclass(frozen=True)
class ArrayConfig:
    """A PE array: ``rows`` slices of the positions of a filter, each ``lanes`` output pixels wide.

    Members
    -------
    rows, lanes : int
        The array has rows * lanes PEs.
    weight_bits : int
        Bits of a weight code, 1..8; a layer may use fewer.
    levels : str
        What codes of n bits stand for: "linear", -2^(n-1)..2^(n-1) without zero; or "powers", -2^k and 2^k with
        0 <= k < 2^(n-1), which the PEs shift by, n at most 4.
    act_bits : int
        Bits of an activation, 4..8; a layer must use exactly as many.
    acc_bits : int
        Bits of the signed accumulators; the packer refuses a layer that could overflow them.
    index : IndexFormat
        How weight banks encode the positions of their weights.
    requant_lanes : int
        Pixels requantized per cycle; must divide ``lanes``.
    multipliers : str
        How PEs and requantizers multiply: in "gates", or each with one hardware multiplier of an FPGA, "dsp". Levels of
        1 or 2 bits and powers of two take gates in any case.
    aligner_stages : int
        Cycles from the words of the activation banks to aligned pixels. With 2 a register takes the pixels that are
        chosen of two words before they are rotated: a cycle more for each run, for memories as slow as an FPGA's.
    chain_depth : int
        Filters whose sums a row can hold for the row below. With 0 there is no register between rows: they run in
        lock-step, with one control and one address table, which only dense formats can.
    subarrays : int
        The most equal stacks of rows that a layer may divide the array into, each for other pixels: a power of two that
        divides ``rows``.
    weight_depth, activation_depth, table_depth : int
        Words of one row's weight bank, activation bank and address table. An activation word is ``lanes`` wide.
    bias_depth : int
        Words of the bias bank, one per filter.
    stream_bits : int
        Bits of a beat of the load stream behind AXI: 32, 64, 128, 256 or 512.
    buffers : int
        2: banks have two halves and registers a copy, so that a layer is loaded while another one runs; 1: it waits.
    """

    rows: int
    lanes: int
    weight_bits: int = 8
    levels: str = "linear"
    act_bits: int = 8
    acc_bits: int = 24
    index: IndexFormat = field(default_factory=Fixed)
    requant_lanes: int = 1
    multipliers: str = "gates"
    aligner_stages: int = 1
    chain_depth: int = 1
    subarrays: int = 1
    weight_depth: int = 1024
    activation_depth: int = 256
    table_depth: int = 256
    bias_depth: int = 64
    stream_bits: int = 64
    buffers: int = 1

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise CodesignError(f"array {name} must be an integer {low}..{high}, not {value!r}", f"correct {name}")
        if self.lanes % self.requant_lanes:
            raise CodesignError(
                f"array requant_lanes {self.requant_lanes} does not divide lanes {self.lanes}",
                "choose a divisor of lanes",
            )
        for name, values in _CHOICES.items():
            if (value := getattr(self, name)) not in values:
                told = ", ".join(map(str, values))
                raise CodesignError(f"array {name} must be one of {told}, not {value!r}", f"correct {name}")
        if self.levels == "powers" and self.weight_bits > MAX_POWER_BITS:
            raise CodesignError(
                f"array weight_bits {self.weight_bits}: powers of two have codes of 1..{MAX_POWER_BITS} bits",
                'choose fewer weight_bits, or levels "linear"',
            )
        if self.subarrays & (self.subarrays - 1) or self.rows % self.subarrays:
            raise CodesignError(
                f"array subarrays {self.subarrays} is not a power of two that divides rows {self.rows}",
                "choose a power of two that divides rows",
            )
        self._check_lockstep()
        if self.activation_depth % 2:
            raise CodesignError(
                f"array activation_depth {self.activation_depth} is odd",
                "choose an even depth: the bank is split into even and odd words",
            )

    def _check_lockstep(self) -> None:
        if self.lockstep and not self.is_dense:
            raise CodesignError(
                f"array chain_depth 0 means rows in lock-step, but the rows of {self.index} differ in their cycles",
                "choose a chain_depth of 1..8, or one of the index formats dense and dense0",
            )
        if self.lockstep and self.subarrays > 1:
            raise CodesignError(
                f"array chain_depth 0 means rows in lock-step, which cannot form {self.subarrays} subarrays",
                "choose subarrays 1, or a chain_depth of 1..8",
            )

    @property
    def pes(self) -> int:
        """Multiply-accumulators in the array."""
        return self.rows * self.lanes

    @property
    def is_dense(self) -> bool:
        """Whether the array stores every weight and needs no index decoder."""
        return isinstance(self.index, Dense | DenseZeros)

    @property
    def lockstep(self) -> bool:
        """Whether all rows meet the same tap in the same cycle, each one filter behind the row above."""
        return self.chain_depth == 0

    @property
    def word_bits(self) -> int:
        """Bits of a weight bank word."""
        return self.index.word_bits(self.weight_bits)

    def replace(self, **changes: Any) -> ArrayConfig:
        """A copy with some members changed, validated again."""
        return replace(self, **changes)

    def with_index(self, index: IndexFormat) -> ArrayConfig:
        """The array of another index format: rows in lock-step where it is dense, a chain where it is not."""
        if isinstance(index, Dense | DenseZeros):
            return replace(self, index=index, chain_depth=0, subarrays=1)
        return replace(self, index=index, chain_depth=max(1, self.chain_depth))

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe members; ``from_dict`` reads them back."""
        return {**asdict(self), "index": str(self.index)}

    @classmethod
    def from_dict(cls, members: Mapping[str, Any]) -> ArrayConfig:
        """Rebuild from ``to_dict``; an unknown or missing key is a CodesignError."""
        fields = {name: value for name, value in members.items() if name != "index"}
        try:
            return cls(**fields, index=parse_index(str(members.get("index", "fixed4"))))
        except TypeError as error:
            raise CodesignError(
                f"array description: {error}", "compare it with array.json of `codesign generate`"
            ) from error
