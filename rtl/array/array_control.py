"""What the whole array shares: layer registers, which half of each bank runs, when a layer starts, its cycles."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.lib.wiring import Component, In, Out

from rtl.array.buffers import halves_layout, loaded_registers, turning_halves
from rtl.array.drain import layer_registers
from rtl.array.write_bus import Space, write_bus_layout
from rtl.config import ArrayConfig

__all__ = ["ArrayControl"]


class ArrayControl(Component):
    """Layer registers, start and done, and the cycle counter.

    ``busy`` rises in the cycle after ``launch`` and falls in the cycle after the last result was taken;
    ``cycles`` counts the cycles in which it is high.

    A layer is launched from a register, since the whole array waits for it: with one buffer in the cycle after
    ``start``, which is ignored while queued or busy. With two, ``start`` is kept while a layer runs, and ignored while
    another one is kept. Halves turn as soon as ``busy`` is low, and the layer is launched in the cycle after.

    Members
    -------
    write_en, write : In
        A write to the array.
    start, finished : In
        Begin a layer; the last result of the one that runs is taken.
    launch, busy, cycles : Out
    queued : Out
        A start is kept or the layer is not launched yet.
    takes_loads : Out
        A write goes to the layer after the one that runs: none does that was started and has not begun.
    halves : Out
    registers : Out
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "write_en": In(1),
                "write": In(write_bus_layout(config)),
                "start": In(1),
                "finished": In(1),
                "launch": Out(1),
                "busy": Out(1),
                "cycles": Out(32),
                "queued": Out(1),
                "takes_loads": Out(1),
                "halves": Out(halves_layout()),
                "registers": Out(layer_registers(config)),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Registers, then when a layer starts, then the run state."""
        m = Module()
        register_en = self.write_en & (self.write.space == Space.LAYER)
        layout, value = layer_registers(self._config), self.write.data
        registers = loaded_registers(m, self._config, layout, register_en, self.write.address, value, self.halves.turn)
        m.d.comb += self.registers.eq(registers)
        if self._config.buffers == 2:
            self._queue(m)
            turning_halves(m, self.halves, self.write_en, self.write.space)
        else:
            m.d.sync += self.launch.eq(self.start & ~self.busy & ~self.launch)
            m.d.comb += [self.queued.eq(self.launch), self.takes_loads.eq(~self.busy & ~self.launch)]
        with m.If(self.launch):
            m.d.sync += [self.busy.eq(1), self.cycles.eq(0)]
        with m.Elif(self.busy):
            m.d.sync += self.cycles.eq(self.cycles + 1)
            with m.If(self.finished):
                m.d.sync += self.busy.eq(0)
        return m

    def _queue(self, m: Module) -> None:
        """Keep one start until the array is idle, then turn and launch."""
        kept = Signal()
        m.d.comb += [
            self.halves.turn.eq((self.start | kept) & ~self.busy & ~self.launch),
            self.queued.eq(kept | self.launch),
            self.takes_loads.eq(~kept & ~self.start),
        ]
        m.d.sync += [kept.eq((self.start | kept) & ~self.halves.turn), self.launch.eq(self.halves.turn)]
