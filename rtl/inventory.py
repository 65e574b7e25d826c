"""The bill of materials of an array: every block of logic with its count, every SRAM with its size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.lib.wiring import Component

from rtl.array.addresser import Addresser
from rtl.array.aligner import Aligner
from rtl.array.array_control import ArrayControl
from rtl.array.bias_source import BiasSource
from rtl.array.drain import DrainControl, GroupSelect
from rtl.array.lockstep_control import LockstepControl
from rtl.array.lockstep_pe import LockstepPE
from rtl.array.lockstep_row_control import LockstepRowControl
from rtl.array.pe import PE
from rtl.array.place_register import PlaceRegister
from rtl.array.pool import Pool
from rtl.array.requantizer import Requantizer
from rtl.array.row_control import RowControl
from rtl.array.scale import ScaleDecoder
from rtl.array.subarrays import BiasFork, ChainLink, TailSelect
from rtl.array.sum_register import SumRegister
from rtl.config import ArrayConfig
from rtl.widths import table_layout

__all__ = ["LogicUse", "SramUse", "logic_modules", "srams"]

_NAMES: dict[Callable[[ArrayConfig], Component], str] = {
    ArrayControl: "array_control",
    BiasSource: "bias_source",
    RowControl: "row_control",
    Addresser: "addresser",
    Aligner: "aligner",
    PE: "pe",
    LockstepControl: "lockstep_control",
    LockstepRowControl: "lockstep_row_control",
    LockstepPE: "lockstep_pe",
    PlaceRegister: "place_register",
    SumRegister: "sum_register",
    DrainControl: "drain_control",
    GroupSelect: "group_select",
    ScaleDecoder: "scale_decoder",
    Requantizer: "requantizer",
    Pool: "pool",
    BiasFork: "bias_fork",
    ChainLink: "chain_link",
    TailSelect: "tail_select",
}


@dataclass(frozen=True)
class LogicUse:
    """``count`` copies of a component in one array. Registers bound it, so it can be synthesized alone."""

    name: str
    kind: Callable[[ArrayConfig], Component]
    config: ArrayConfig
    count: int

    @property
    def component(self) -> Component:
        """A new instance to emit."""
        return self.kind(self.config)


@dataclass(frozen=True)
class SramUse:
    """``count`` SRAMs of ``depth`` words of ``width`` bits in one array.

    ``into`` names the module that uses the word in the cycle it is read; None where a register takes it directly.
    """

    name: str
    depth: int
    width: int
    count: int
    into: str | None = None

    @property
    def bits(self) -> int:
        """Storage bits of all copies."""
        return self.depth * self.width * self.count


def logic_modules(config: ArrayConfig) -> tuple[LogicUse, ...]:
    """All logic of ``PEArray(config)`` except the wiring between blocks and the decoding of writes to banks."""
    counts: dict[Callable[[ArrayConfig], Component], int] = {
        ArrayControl: 1,
        BiasSource: 1,
        DrainControl: 1,
        GroupSelect: 1,
        ScaleDecoder: 1,
        Requantizer: config.requant_lanes,
        Pool: config.requant_lanes,
    }
    counts |= _lockstep_rows(config) if config.lockstep else _rows(config)
    if config.subarrays > 1:
        counts |= {BiasFork: 1, ChainLink: config.subarrays - 1, TailSelect: 1}
    return tuple(LogicUse(_NAMES[kind], kind, config, count) for kind, count in counts.items())


def _rows(config: ArrayConfig) -> dict[Callable[[ArrayConfig], Component], int]:
    return {RowControl: config.rows, Addresser: config.rows, Aligner: config.rows, PE: config.pes}


def _lockstep_rows(config: ArrayConfig) -> dict[Callable[[ArrayConfig], Component], int]:
    counts: dict[Callable[[ArrayConfig], Component], int] = {
        LockstepControl: 1,
        LockstepRowControl: config.rows,
        Aligner: config.rows,
        LockstepPE: config.pes,
        SumRegister: 1,
    }
    if config.rows > 1:
        counts |= {PlaceRegister: config.rows - 1}
    return counts


def srams(config: ArrayConfig) -> tuple[SramUse, ...]:
    """All SRAMs of ``PEArray(config)``; a double-buffered one has two halves."""
    table_depth, table_width = config.buffers * config.table_depth, table_layout(config).size
    activation_depth = config.buffers * config.activation_depth // 2
    return (
        SramUse("weights", config.buffers * config.weight_depth, config.word_bits, config.rows),
        SramUse("table", table_depth, table_width, 1, "lockstep_control")
        if config.lockstep
        else SramUse("table", table_depth, table_width, config.rows),
        SramUse("activations", activation_depth, config.lanes * config.act_bits, 2 * config.rows, "aligner"),
        SramUse("biases", config.buffers * config.bias_depth, config.acc_bits, 1),
    )
