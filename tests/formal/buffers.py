"""Double buffering: when layers start, when halves change, and that nothing is loaded into what runs."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import data

from rtl.array.array_control import ArrayControl
from rtl.array.buffers import BANKS
from rtl.array.write_bus import LayerRegister, Space, write_bus_layout
from rtl.widths import COUNT_BITS
from tests.formal.arrays import SMALL
from tests.formal.engine import Harness, In, Proof

__all__ = ["PROOFS"]


class Turns(Harness):
    """Writes and starts at any time, on an array that ends its layers when it likes."""

    CONFIG = SMALL.replace(buffers=2)

    def __init__(self) -> None:
        bits = write_bus_layout(self.CONFIG).size
        super().__init__({"valid": In(1), "write": In(bits), "start": In(1), "finished": In(1)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = ArrayControl(self.CONFIG)
        write, written = data.View(write_bus_layout(self.CONFIG), self.write), self.valid & dut.takes_loads
        m.d.comb += [
            dut.write_en.eq(written),
            dut.write.eq(self.write),
            dut.start.eq(self.start),
            dut.finished.eq(self.finished),
        ]
        turn, launch, busy = dut.halves.turn, dut.launch, dut.busy
        waiting = Signal()
        begun = self.before(m, turn, "begun")
        m.d.sync += waiting.eq((waiting | self.start) & ~turn)
        self.check(m, "turn: once for each start that is kept", ~turn | waiting | self.start)
        self.check(m, "turn: only while no layer runs", ~turn | ~(busy | launch))
        self.check(m, "turn: as soon as no layer runs", turn | ~(waiting | self.start) | busy | launch)
        self.check(m, "launch: in the cycle after the turn, and only then", launch == begun)
        self.check(m, "busy: from the launch on", busy | ~self.before(m, launch, "launched"))
        self.check(m, "queued: until the launch", dut.queued == (waiting | launch))
        self.check(m, "loads: none between a start and its turn", ~written | ~(waiting | self.start))
        self._check_halves(m, dut, written, write, begun)
        filters, running = (Signal(COUNT_BITS, reset_less=True, name=name) for name in ("filters", "running"))
        with m.If(written & (write.space == Space.LAYER) & (write.address == LayerRegister.LAST_FILTER)):
            m.d.sync += filters.eq(write.data)
        with m.If(turn):
            m.d.sync += running.eq(filters)
        self.check(m, "registers: those of the last turn", dut.registers.last_filter == running)

    def _check_halves(self, m: Module, dut: ArrayControl, written: Signal, write: data.View, begun: Signal) -> None:
        for name, space in BANKS.items():
            loaded = Signal(name=f"loaded_{name}")
            with m.If(dut.halves.turn):
                m.d.sync += loaded.eq(0)
            with m.Elif(written & (write.space == space)):
                m.d.sync += loaded.eq(1)
            changes = dut.halves[name] ^ self.before(m, dut.halves[name], f"{name}_before")
            expected = begun & self.before(m, loaded, f"{name}_was_loaded")
            self.check(m, f"{name}: changes halves by a turn after loads, and only then", changes == expected)


PROOFS = (Proof("Turns", Turns),)
