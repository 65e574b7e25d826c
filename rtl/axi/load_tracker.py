"""Which parts of a layer have been loaded, so that START is refused until all are."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.lib.wiring import Component, In, Out

from rtl.array.register_values import register_values
from rtl.array.write_bus import Space, rows_of, write_bus_layout
from rtl.config import ArrayConfig

__all__ = ["LoadTracker", "parts_of_a_layer"]


def parts_of_a_layer(config: ArrayConfig) -> list[tuple[Space, int, int]]:
    """Space, row and address of what every layer needs: all registers, and the first word of each bank."""
    addresses = {space: len(registers) for space, registers in register_values(config).items()}
    return [
        (space, row, address)
        for space in Space
        for row in range(rows_of(config, space))
        for address in range(addresses.get(space, 1))
    ]


class LoadTracker(Component):
    """A bit for each of ``parts_of_a_layer``, set by its write.

    Members
    -------
    write_en, write : In
        A write that the array takes.
    clear : In
        Forget all of them.
    complete : Out
        Every part was written since ``clear``.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__({"write_en": In(1), "write": In(write_bus_layout(config)), "clear": In(1), "complete": Out(1)})

    def elaborate(self, platform: Any) -> Elaboratable:
        """A comparison and a flip-flop per part."""
        m = Module()
        parts = parts_of_a_layer(self._config)
        written, write = Signal(len(parts)), self.write
        for bit, (space, row, address) in enumerate(parts):
            with m.If(self.write_en & (write.space == space) & (write.row == row) & (write.address == address)):
                m.d.sync += written[bit].eq(1)
        with m.If(self.clear):
            m.d.sync += written.eq(0)
        m.d.comb += self.complete.eq(written.all())
        return m
