"""Which parts of a layer have been loaded, so that START is refused until all are."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from rtl.array.buffers import BANKS
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
        if space is not Space.COMMAND
        for row in range(rows_of(config, space))
        for address in range(addresses.get(space, 1))
    ]


class LoadTracker(Component):
    """A bit for each of ``parts_of_a_layer``, set by its write.

    With two buffers a layer starts with the other half of those banks that were written since the last start: then it
    needs the first word of each row's, and else the half that the last layer had.

    Members
    -------
    write_en, write : In
        A write that the array takes.
    start, clear : In
        A layer starts with what is loaded; forget all that was written.
    complete : Out
        Every part that the next layer needs is there.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "write_en": In(1),
                "write": In(write_bus_layout(config)),
                "start": In(1),
                "clear": In(1),
                "complete": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """A comparison and a flip-flop per part."""
        m = Module()
        parts = parts_of_a_layer(self._config)
        written, write = Signal(len(parts)), self.write
        if self._config.buffers == 2:
            with m.If(self.start):
                m.d.sync += written.eq(written & sum(1 << bit for bit, part in enumerate(parts) if _stays(part[0])))
        for bit, (space, row, address) in enumerate(parts):
            with m.If(self.write_en & (write.space == space) & (write.row == row) & (write.address == address)):
                m.d.sync += written[bit].eq(1)
        with m.If(self.clear):
            m.d.sync += written.eq(0)
        of_space = {
            space: Cat(written[bit] for bit, part in enumerate(parts) if part[0] is space).all()
            for space in dict.fromkeys(part[0] for part in parts)
        }
        if self._config.buffers == 2:
            of_space |= self._halves(m, of_space)
        m.d.comb += self.complete.eq(Cat(of_space.values()).all())
        return m

    def _halves(self, m: Module, of_space: dict[Space, Value]) -> dict[Space, Value]:
        """Whether the half of each kind of bank that the next layer gets is whole."""
        started, write = Signal(), self.write
        with m.If(self.start):
            m.d.sync += started.eq(1)
        with m.If(self.clear):
            m.d.sync += started.eq(0)
        halves = {}
        for name, space in BANKS.items():
            turns = Signal(name=f"{name}_turns")
            with m.If(self.start | self.clear):
                m.d.sync += turns.eq(0)
            with m.Elif(self.write_en & (write.space == space)):
                m.d.sync += turns.eq(1)
            halves[space] = Mux(turns, of_space[space], started)
        return halves


def _stays(space: Space) -> bool:
    """Whether what is written is there for all later layers: registers keep their values."""
    return space not in BANKS.values()
