"""The array's AXI ports but loads: results out, runs, registers."""

from __future__ import annotations

from functools import partial

from amaranth.hdl import Cat, Module, Signal

from rtl.axi.lite import LiteSlave
from rtl.axi.ports import Response
from rtl.axi.run_control import RunControl
from rtl.axi.sender import Sender
from tests.formal.arrays import SMALL
from tests.formal.engine import Harness, In, Proof
from tests.formal.streams import assume_stream, check_queue, check_stream


class SenderQueue(Harness):
    """Results to AXI4-Stream, with a soft reset at any time."""

    CONFIG = SMALL.replace(act_bits=4)
    DEPTH = 3

    def __init__(self) -> None:
        super().__init__({"valid": In(1), "result": In(5), "ready": In(1), "abort": In(1), "pick": In(1)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = Sender(self.CONFIG, self.DEPTH)
        m.d.comb += [
            dut.results.valid.eq(self.valid),
            dut.results.payload.eq(self.result),
            dut.send.tready.eq(self.ready),
            dut.abort.eq(self.abort),
        ]
        send = dut.send
        sent = Cat(send.tdata, send.tlast)
        recovering, open_ = Signal(), Signal()
        with m.If(self.abort):
            m.d.sync += recovering.eq(1)
        with m.Elif(~dut.pending):
            m.d.sync += recovering.eq(0)
        with m.If(send.tvalid & send.tready):
            m.d.sync += open_.eq(~send.tlast)
        self.assume(m, ~recovering | ~self.valid)  # the array is reset too, and not started before all is sent
        item = Cat(self.result[:4], Signal(4, name="blank"), self.result[4])
        entering = dut.results.valid & dut.results.ready
        cleared = recovering | self.abort
        check_stream(self, m, "m_axis", send.tvalid, send.tready, sent)
        check_queue(
            self,
            m,
            "results",
            entering,
            item,
            dut.taken & ~recovering,
            sent,
            send.tvalid | recovering,
            self.DEPTH + 1,
            2,
            self.pick,
            cleared,
        )
        self.check(m, "m_axis: a soft reset leaves no packet open", ~recovering | dut.pending | ~open_)


class Runs(Harness):
    """START, SOFT_RESET and the watchdog on an array that ends its layers when it likes, or never.

    START comes from the register port and from the load stream, which is inside a packet then and waits for an answer.
    """

    BITS = 4

    def __init__(self, queues: bool) -> None:
        self.queues = queues
        names = ("start_command", "reset_command", "stream_start", "stream_barred", "sending", "loading", "loaded")
        super().__init__({**{name: In(1) for name in names}, "finished": In(1), "watchdog": In(2)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = RunControl(self.queues, self.BITS)
        busy, kept, cycles, length = Signal(), Signal(), Signal(self.BITS), Signal(self.BITS + 1)
        watchdog, limit = self.constant(m, self.watchdog, "limit"), Signal(self.BITS)
        for name in (
            "start_command",
            "reset_command",
            "stream_start",
            "stream_barred",
            "sending",
            "loading",
            "loaded",
        ):
            m.d.comb += getattr(dut, name).eq(getattr(self, name))
        m.d.comb += [
            dut.array_busy.eq(busy),
            dut.array_queued.eq(kept),
            dut.cycles.eq(cycles),
            dut.watchdog.eq(watchdog),
            limit.eq(1 << watchdog),
        ]
        self.assume(m, ~self.stream_start | self.loading)
        launch = kept & ~busy
        with m.If(busy):
            m.d.sync += [cycles.eq(cycles + 1), length.eq(length + 1), busy.eq(~self.finished)]
        with m.If(launch):
            m.d.sync += [busy.eq(1), cycles.eq(0), length.eq(0)]
        m.d.sync += kept.eq((kept & ~launch) | dut.start)
        with m.If(dut.reset):
            m.d.sync += [busy.eq(0), kept.eq(0), cycles.eq(0), length.eq(0)]
        self._check_answers(m, dut, kept if self.queues else busy | kept)
        self.check(m, "watchdog: no layer is busy for longer than its limit and two", ~busy | (length < limit + 2))
        over = self.before(m, busy & (cycles >= limit) & ~dut.reset, "over")
        self.check(m, "watchdog: stops a layer beyond its limit, and only such a one", dut.expired == over)
        self.check(m, "reset: by SOFT_RESET or the watchdog", dut.reset == (self.reset_command | dut.expired))

    def _check_answers(self, m: Module, dut: RunControl, full: Signal) -> None:
        asked = self.start_command & ~self.reset_command
        streamed = self.stream_start & dut.stream_ready & ~dut.reset
        answers = dut.start + dut.refused + dut.not_loaded
        either = asked | streamed
        self.check(m, "START: an answer to each", (answers == asked + streamed) | (streamed & asked & (answers == 1)))
        self.check(m, "START: no answer without one", either | (answers == 0))
        self.check(m, "start: only a loaded layer", ~dut.start | self.loaded)
        self.check(m, "start: only when there is room for it", ~dut.start | ~(full | dut.reset))
        idle = ~(self.loading | (0 if self.queues else self.sending))
        self.check(m, "start: by the register only outside of packets", ~dut.start | streamed | idle)
        self.check(m, "start: not by the stream after a wrong packet", ~dut.start | idle | ~self.stream_barred)
        self.check(m, "not loaded: only where a start would be", ~dut.not_loaded | ~(full | dut.reset | self.loaded))
        self.check(m, "stream: waits for room and for nothing else", dut.stream_ready == ~full)


class LiteTransfers(Harness):
    """AXI4-Lite among a master that keeps the rules and registers that answer with their address."""

    def __init__(self) -> None:
        ports = {
            name: In(1) for name in ("awvalid", "wvalid", "arvalid", "bready", "rready", "pick_write", "pick_read")
        }
        super().__init__(ports | {"awaddr": In(12), "wdata": In(32), "wstrb": In(4), "araddr": In(12)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = LiteSlave()
        bus = dut.bus
        for name in ("awvalid", "wvalid", "arvalid", "bready", "rready", "awaddr", "wdata", "wstrb", "araddr"):
            m.d.comb += getattr(bus, name).eq(getattr(self, name))
        m.d.comb += [
            dut.write_fails.eq(dut.write_offset[2]),
            dut.read_fails.eq(dut.read_offset[2]),
            dut.read_data.eq(Cat(dut.read_offset, ~dut.read_offset)),
        ]
        written = Cat(bus.wdata, bus.wstrb)
        assume_stream(self, m, "aw", bus.awvalid, bus.awready, bus.awaddr)
        assume_stream(self, m, "w", bus.wvalid, bus.wready, written)
        assume_stream(self, m, "ar", bus.arvalid, bus.arready, bus.araddr)
        check_stream(self, m, "b", bus.bvalid, bus.bready, bus.bresp)
        check_stream(self, m, "r", bus.rvalid, bus.rready, Cat(bus.rdata, bus.rresp))
        aw, w, b = bus.awvalid & bus.awready, bus.wvalid & bus.wready, bus.bvalid & bus.bready
        ar, r = bus.arvalid & bus.arready, bus.rvalid & bus.rready
        aligned, read_aligned = bus.awaddr & 0xFFC, bus.araddr & 0xFFC
        write = dut.write_en
        blocked = write | bus.bvalid
        waits_for_data, waits_for_address = ~self._held(m, w, write, "data"), ~self._held(m, aw, write, "address")
        command = Cat(dut.write_data, dut.write_strobe)
        pick = self.pick_write
        check_queue(
            self, m, "write addresses", aw, aligned, write, dut.write_offset, blocked | waits_for_data, 1, 1, pick
        )
        check_queue(self, m, "write data", w, written, write, command, blocked | waits_for_address, 1, 1, pick)
        fails = Cat(Signal(1, name="zero"), dut.write_offset[2])
        check_queue(self, m, "write answers", write, fails, b, bus.bresp, bus.bvalid, 1, 0, pick)
        answer = Cat(read_aligned, ~read_aligned, Signal(8, name="none"), Signal(1, name="nil"), read_aligned[2])
        given = Cat(bus.rdata, bus.rresp)
        check_queue(self, m, "reads", ar, answer, r, given, bus.rvalid, 1, 1, self.pick_read)
        self.check(m, "b and r: OKAY or SLVERR", ((bus.bresp | bus.rresp) & ~int(Response.SLVERR) & 0b11) == 0)

    def _held(self, m: Module, enters: Signal, leaves: Signal, name: str) -> Signal:
        held = Signal(name=name)
        with m.If(enters):
            m.d.sync += held.eq(1)
        with m.Elif(leaves):
            m.d.sync += held.eq(0)
        return held


PROOFS = (
    Proof("SenderQueue", SenderQueue, "proof.dut"),
    Proof("Runs, one buffer", partial(Runs, False)),
    Proof("Runs, two buffers", partial(Runs, True)),
    Proof("LiteTransfers", LiteTransfers),
)
