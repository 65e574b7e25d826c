"""The array's three AXI ports: results out, load packets in, registers."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data

from rtl.array.write_bus import LayerRegister, Space, rows_of, write_bus_layout
from rtl.axi.lite import LiteSlave
from rtl.axi.load_tracker import LoadTracker
from rtl.axi.loader import Loader
from rtl.axi.packets import ADDRESS_FIELD, ROW_FIELD
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


class LoaderPackets(Harness):
    """Load packets to writes: any beats, from a sender that keeps the rules."""

    def __init__(self) -> None:
        super().__init__({"valid": In(1), "data": In(32), "last": In(1), "ready": In(1), "abort": In(1)})

    CONFIG = SMALL.replace(rows=2, lanes=12)

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = Loader(self.CONFIG)
        load, write = dut.load, dut.write
        m.d.comb += [
            load.tvalid.eq(self.valid),
            load.tdata.eq(self.data),
            load.tlast.eq(self.last),
            write.ready.eq(self.ready),
            dut.abort.eq(self.abort),
        ]
        assume_stream(self, m, "s_axis", load.tvalid, load.tready, Cat(load.tdata, load.tlast))
        check_stream(self, m, "writes", write.valid, write.ready, write.payload.as_value(), excused=self.abort)
        payload, taken = write.payload, load.tvalid & load.tready
        depths = {
            Space.LAYER: len(LayerRegister),
            Space.ROW: 2,
            Space.WEIGHT: 4,
            Space.TABLE: 2,
            Space.ACTIVATION: 4,
            Space.BIAS: 4,
        }
        exists = Cat(
            (payload.space == space) & (payload.address < depth) & (payload.row < rows_of(self.CONFIG, space))
            for space, depth in depths.items()
        ).any()
        self.check(m, "writes: only to banks and addresses that are there", ~write.valid | exists)
        self._check_segments(m, dut, taken)

    def _check_segments(self, m: Module, dut: Loader, taken: Signal) -> None:
        """A monitor of its own: beats of the header and of each word, counted down."""
        load, write, payload = dut.load, dut.write, dut.write.payload
        place, count, beat = Signal(2), Signal(ROW_FIELD), Signal()
        space, row, address = Signal(8), Signal(8), Signal(ADDRESS_FIELD)
        two_beats = space == Space.ACTIVATION
        word = place == 2
        ends_word = word & (beat | ~two_beats)
        with m.If(taken & ~dut.discarding):
            with m.If(place == 0):
                m.d.sync += [place.eq(1), Cat(address, space).eq(load.tdata)]
            with m.Elif(place == 1):
                m.d.sync += [place.eq(2), Cat(count, row).eq(load.tdata), beat.eq(0)]
            with m.Else():
                m.d.sync += beat.eq(~beat & two_beats)
                with m.If(ends_word):
                    m.d.sync += [count.eq(count - 1), address.eq(address + 1)]
                    with m.If(count == 0):
                        m.d.sync += place.eq(0)
        with m.If((taken & load.tlast) | dut.discarding | self.abort):
            m.d.sync += place.eq(0)
        written = write.valid & write.ready
        legal = self._legal(m, space, address, load.tdata)
        in_word = taken & ends_word & legal & ~dut.discarding & ~self.abort
        good_end = in_word & load.tlast & (count == 0)
        wrong = taken & ends_word & ~legal & ~dut.discarding & ~self.abort
        self.check(m, "writes: one for each word", written == in_word)
        told = (payload.space == space) & (payload.row == row) & (payload.address == address)
        self.check(m, "writes: where the header says", ~written | told)
        self.check(m, "failed: after a value that is not legal", ~self.before(m, wrong, "wrong") | dut.failed)
        self.check(m, "loaded: after a good packet, and only then", dut.loaded == self.before(m, good_end, "good"))
        first = Signal(32)
        with m.If(taken & word & ~beat):
            m.d.sync += first.eq(load.tdata)
        wide = (payload.data[:32] == first) & (payload.data[32:48] == load.tdata[:16])
        narrow = payload.data[:32] == load.tdata
        self.check(m, "writes: the beats, low bits first", ~written | (two_beats & wide) | (~two_beats & narrow))

    def _legal(self, m: Module, space: Signal, address: Signal, data: Signal) -> Signal:
        """The ranges of docs/hardware.md for this array, written out."""
        legal = Signal(init=1)
        highest = {LayerRegister.LAST_FILTER: 3, LayerRegister.LAST_TILE: 3, LayerRegister.MULTIPLIER: 511}
        highest |= {LayerRegister.SHIFT: 31, LayerRegister.RELU: 1, LayerRegister.POOL_SHIFT: 6}
        highest |= {LayerRegister.LAST_SUBARRAY: 0}
        with m.If(space == Space.LAYER):
            for register, most in highest.items():
                with m.If(address == register):
                    m.d.comb += legal.eq(data <= most)
            with m.If((address == LayerRegister.MULTIPLIER) & (data == 0)):
                m.d.comb += legal.eq(0)
            with m.If(address == LayerRegister.LAST_PIXEL):
                m.d.comb += legal.eq(Cat(data == n - 1 for n in (1, 2, 3, 4, 6, 12)).any())
        with m.If((space == Space.ROW) & (address == 0)):
            m.d.comb += legal.eq(data <= 3)
        with m.If((space == Space.ROW) & (address == 1)):
            m.d.comb += legal.eq((data == 1) | (data == 2))
        return legal


class LayerLoaded(Harness):
    """Writes in any order, forgotten at any time: what START waits for."""

    def __init__(self) -> None:
        super().__init__({"write_en": In(1), "write": In(write_bus_layout(SMALL).size), "clear": In(1)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = LoadTracker(SMALL)
        write = data.View(write_bus_layout(SMALL), self.write)
        m.d.comb += [dut.write_en.eq(self.write_en), dut.write.eq(self.write), dut.clear.eq(self.clear)]
        needed = dict.fromkeys(Space, 1) | {Space.LAYER: len(LayerRegister), Space.ROW: 2}
        seen = Signal(sum(needed.values()))
        places = [(space, address) for space, count in needed.items() for address in range(count)]
        for bit, (space, address) in enumerate(places):
            with m.If(self.write_en & (write.space == space) & (write.address == address) & (write.row == 0)):
                m.d.sync += seen[bit].eq(1)
        with m.If(self.clear):
            m.d.sync += seen.eq(0)
        self.check(m, "loaded: every register and the first word of each bank", dut.complete == seen.all())


class Runs(Harness):
    """START, SOFT_RESET and the watchdog on an array that ends its layers when it likes, or never."""

    BITS = 4

    def __init__(self) -> None:
        names = ("start_command", "reset_command", "sending", "loading", "loaded", "finished")
        super().__init__({**{name: In(1) for name in names}, "watchdog": In(2)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = RunControl(self.BITS)
        busy, cycles, length = Signal(), Signal(self.BITS), Signal(self.BITS + 1)
        watchdog, limit = self.constant(m, self.watchdog, "limit"), Signal(self.BITS)
        for name in ("start_command", "reset_command", "sending", "loading", "loaded"):
            m.d.comb += getattr(dut, name).eq(getattr(self, name))
        m.d.comb += [dut.array_busy.eq(busy), dut.cycles.eq(cycles), dut.watchdog.eq(watchdog), limit.eq(1 << watchdog)]
        with m.If(dut.reset):
            m.d.sync += [busy.eq(0), cycles.eq(0), length.eq(0)]
        with m.Elif(dut.start):
            m.d.sync += [busy.eq(1), cycles.eq(0), length.eq(0)]
        with m.Elif(busy):
            m.d.sync += [cycles.eq(cycles + 1), length.eq(length + 1), busy.eq(~self.finished)]
        asked = self.start_command & ~self.reset_command
        answers = dut.start + dut.refused + dut.not_loaded
        self.check(m, "START: one answer", answers == asked)
        self.check(m, "start: only a loaded layer", ~dut.start | self.loaded)
        idle = ~(busy | self.sending | self.loading | dut.reset)
        self.check(m, "start: only when idle", ~dut.start | idle)
        self.check(m, "not loaded: only when idle", ~dut.not_loaded | (idle & ~self.loaded))
        self.check(m, "watchdog: no layer is busy for longer than its limit and two", ~busy | (length < limit + 2))
        over = self.before(m, busy & (cycles >= limit) & ~dut.reset, "over")
        self.check(m, "watchdog: stops a layer beyond its limit, and only such a one", dut.expired == over)
        self.check(m, "reset: by SOFT_RESET or the watchdog", dut.reset == (self.reset_command | dut.expired))


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
    Proof("LoaderPackets", LoaderPackets),
    Proof("LayerLoaded", LayerLoaded),
    Proof("Runs", Runs),
    Proof("LiteTransfers", LiteTransfers),
)
