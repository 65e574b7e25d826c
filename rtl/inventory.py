"""The bill of materials of an array: every block of logic with its count, every SRAM with its size."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.lib.wiring import Component

from rtl.aligner import Aligner
from rtl.array import ArrayControl
from rtl.bias_source import BiasSource
from rtl.config import ArrayConfig
from rtl.drain import DrainControl, GroupSelect
from rtl.pe import PE
from rtl.requantizer import Requantizer
from rtl.row_control import RowControl
from rtl.widths import table_layout

__all__ = ["LogicUse", "SramUse", "logic_modules", "srams"]


@dataclass(frozen=True)
class LogicUse:
    """``count`` copies of a component in one array. Registers bound it, so it is synthesized on its own."""

    name: str
    component: Component
    count: int


@dataclass(frozen=True)
class SramUse:
    """``count`` SRAMs of ``depth`` words of ``width`` bits in one array."""

    name: str
    depth: int
    width: int
    count: int

    @property
    def bits(self) -> int:
        """Storage bits of all copies."""
        return self.depth * self.width * self.count


def logic_modules(config: ArrayConfig) -> tuple[LogicUse, ...]:
    """All logic of ``PEArray(config)`` but the wiring between these blocks and the decoding of writes to banks."""
    return (
        LogicUse("array_control", ArrayControl(config), 1),
        LogicUse("bias_source", BiasSource(config), 1),
        LogicUse("row_control", RowControl(config), config.rows),
        LogicUse("aligner", Aligner(config), config.rows),
        LogicUse("pe", PE(config), config.pes),
        LogicUse("drain_control", DrainControl(config), 1),
        LogicUse("group_select", GroupSelect(config), 1),
        LogicUse("requantizer", Requantizer(config), config.requant_lanes),
    )


def srams(config: ArrayConfig) -> tuple[SramUse, ...]:
    """All SRAMs of ``PEArray(config)``."""
    return (
        SramUse("weights", config.weight_depth, config.word_bits, config.rows),
        SramUse("table", config.table_depth, table_layout(config).size, config.rows),
        SramUse("activations", config.activation_depth // 2, config.lanes * config.act_bits, 2 * config.rows),
        SramUse("biases", config.bias_depth, config.acc_bits, 1),
    )
