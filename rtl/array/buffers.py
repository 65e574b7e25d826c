"""Double buffering: a layer is loaded while another one runs, and begins when that has ended.

With ``config.buffers`` 2 every bank has two halves, of which a layer reads one and loads write the other, and registers
are written to a copy. When a layer begins, the banks into which something was loaded since the layer before began
change halves, and the copies are taken over. With 1 there is none of this: loads wait while a layer runs.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import data

from rtl.array.write_bus import Space
from rtl.config import ArrayConfig

__all__ = ["BANKS", "halves_layout", "loaded_registers", "turning_halves"]

BANKS = {"weight": Space.WEIGHT, "table": Space.TABLE, "activation": Space.ACTIVATION, "bias": Space.BIAS}
"""What has halves, by its name in ``halves_layout``. All rows' banks of one space change halves together."""


def halves_layout() -> data.StructLayout:
    """The half of each kind of bank that is read; loads write the other one.

    ``turn``: in this cycle registers are taken over and halves change, for the layer that starts in the next one.
    """
    return data.StructLayout({"turn": 1, **dict.fromkeys(BANKS, 1)})


def turning_halves(m: Module, halves: data.View, write_en: Any, space: Any) -> None:
    """Change the half of each bank that was written since the last turn, in the cycle of ``halves.turn``."""
    for name, each in BANKS.items():
        loaded = Signal(name=f"loaded_{name}")
        with m.If(halves.turn):
            m.d.sync += [halves[name].eq(halves[name] ^ loaded), loaded.eq(0)]
        with m.Elif(write_en & (space == each)):
            m.d.sync += loaded.eq(1)


def loaded_registers(
    m: Module, config: ArrayConfig, layout: data.StructLayout, write_en: Any, index: Any, value: Any, turn: Any
) -> data.View:
    """The registers of ``layout`` that a layer runs with; ``value`` is written to the member at ``index``.

    With two buffers it is written to a copy, which the registers become in the cycle of ``turn``. A member that is not
    written keeps its value. None is reset: a layer is loaded as a whole first.
    """
    registers = Signal(layout, reset_less=True)
    loaded = registers
    if config.buffers == 2:
        loaded = Signal(layout, name="loaded_registers", reset_less=True)
        with m.If(turn):
            m.d.sync += registers.eq(loaded)
    for place, (name, _) in enumerate(layout):
        with m.If(write_en & (index == place)):
            m.d.sync += loaded[name].eq(value)
    return registers
