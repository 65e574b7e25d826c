"""Queues, streams and bus slaves of ``rtl`` among their assumptions, at sizes that show every case."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed

from rtl.axi.lite import LiteSlave
from rtl.axi.loader import Loader
from rtl.axi.packets import ADDRESS_FIELD, ROW_FIELD
from rtl.axi.ports import Response
from rtl.axi.sender import Sender
from rtl.bias_source import BiasSource
from rtl.config import ArrayConfig
from rtl.drain import DRAIN_LATENCY, Drain, DrainControl, layer_registers
from rtl.indexformats import Fixed
from rtl.pool import Pool
from rtl.row import Row
from rtl.write_bus import Space, write_bus_layout
from tests.formal.engine import Harness, In, Proof
from tests.formal.streams import assume_stream, check_queue, check_stream

SMALL = ArrayConfig(
    rows=1,
    lanes=1,
    weight_bits=1,
    act_bits=4,
    acc_bits=12,
    index=Fixed(1),
    weight_depth=4,
    activation_depth=4,
    table_depth=2,
    bias_depth=4,
)


class BiasQueue(Harness):
    """The circle of biases, from a bank whose words are their addresses."""

    def __init__(self) -> None:
        super().__init__({"start": In(1), "ready": In(1), "last": In(2)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = BiasSource(SMALL)
        last = self.constant(m, self.last, "last_filter")
        word, expected, running = Signal(2), Signal(2), Signal()
        with m.If(dut.bank_en):
            m.d.sync += word.eq(dut.bank_address)
        m.d.comb += [
            dut.start.eq(self.start),
            dut.last_filter.eq(last),
            dut.biases.ready.eq(self.ready),
            dut.bank_data.eq(word),
        ]
        taken = dut.biases.valid & dut.biases.ready
        with m.If(taken):
            m.d.sync += expected.eq(expected + 1)
            with m.If(expected == last):
                m.d.sync += expected.eq(0)
        with m.If(self.start):
            m.d.sync += [expected.eq(0), running.eq(1)]
        self.check(m, "biases: each filter's in turn", ~taken | (dut.biases.payload == expected))
        self.check(m, "biases: none before the start", running | ~dut.biases.valid)
        late = Signal(3)
        m.d.sync += late.eq(late + 1)
        with m.If(dut.biases.valid | self.start | ~running):
            m.d.sync += late.eq(0)
        self.check(m, "biases: offered within three cycles", late <= 3)
        biases = dut.biases
        check_stream(self, m, "biases", biases.valid, biases.ready, biases.payload, excused=self.start)


class RowSums(Harness):
    """The hand-over register between rows: one whole row, its banks with any content."""

    def __init__(self) -> None:
        ports = {"start": In(1), "initial_valid": In(1), "total_ready": In(1), "initial": In(12)}
        ports |= {"write_en": In(1), "write": In(write_bus_layout(SMALL).size)}
        super().__init__(ports)

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = Row(SMALL)
        m.d.comb += [
            dut.write_en.eq(self.write_en),
            dut.write.eq(self.write),
            dut.start.eq(self.start),
            dut.initial.valid.eq(self.initial_valid),
            dut.initial.payload.eq(self.initial),
            dut.total.ready.eq(self.total_ready),
        ]
        total = dut.total
        check_stream(self, m, "sums", total.valid, total.ready, total.payload.as_value())


class DrainResults(Harness):
    """The output path, with two groups of lanes."""

    CONFIG = SMALL.replace(lanes=2)

    def __init__(self) -> None:
        ports = {"start": In(1), "sums_valid": In(1), "ready": In(1), "sums": In(24)}
        super().__init__(ports | {"registers": In(layer_registers().size)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = Drain(self.CONFIG)
        registers = self.constant(m, self.registers, "registers")
        m.d.comb += [
            dut.start.eq(0),
            dut.registers.eq(registers),
            dut.sums.valid.eq(self.sums_valid),
            dut.sums.payload.eq(self.sums),
            dut.results.ready.eq(self.ready),
        ]
        results = dut.results
        assume_stream(self, m, "sums", dut.sums.valid, dut.sums.ready, dut.sums.payload.as_value())
        check_stream(self, m, "results", results.valid, results.ready, results.payload.as_value())


class DrainQueue(Harness):
    """Groups of lanes on their way through requantizers and pools: each leaves in its turn, and the last says so.

    A window is one group, or the two of a filter.
    """

    CONFIG = SMALL.replace(lanes=2)

    def __init__(self) -> None:
        super().__init__({"sums_valid": In(1), "ready": In(1), "pick": In(1), "sizes": In(2), "pairs": In(1)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = DrainControl(self.CONFIG)
        sizes, pairs = self.constant(m, self.sizes, "layer_size"), self.constant(m, self.pairs, "pooled_pairs")
        started, ended, beat = Signal(), Signal(), Signal(4)
        m.d.sync += started.eq(1)
        m.d.comb += [
            dut.start.eq(~started),
            dut.last_filter.eq(sizes[0]),
            dut.last_tile.eq(sizes[1]),
            dut.last_pixel.eq(pairs),
            dut.sums_valid.eq(self.sums_valid & started & ~ended),  # one layer: the array starts the next one anew
            dut.result_ready.eq(self.ready),
        ]
        entering = dut.sums_valid & dut.advance
        is_last = beat == 2 * (sizes[0] + 1) * (sizes[1] + 1) - 1
        with m.If(entering):
            m.d.sync += [beat.eq(beat + 1), ended.eq(is_last)]
        followed, age = Signal(2), Signal(range(DRAIN_LATENCY + 2))
        entered = Cat(dut.sums_valid & (~pairs | beat[0]), is_last)
        with m.If(dut.advance & (age != 0)):
            m.d.sync += age.eq(age + 1)
        with m.If(dut.advance & self.pick & (age == 0) & started):
            m.d.sync += [age.eq(1), followed.eq(entered)]
        with m.If(age == DRAIN_LATENCY + 1):
            m.d.sync += age.eq(0)
        there = age == DRAIN_LATENCY
        self.check(m, "results: one for each window, none besides", ~there | (dut.result_valid == followed[0]))
        self.check(m, "results: last is the layer's last", ~there | ~followed[0] | (dut.result_last == followed[1]))
        self.check(m, "results: what waits holds the others", dut.advance == (~dut.result_valid | self.ready))
        self.check(m, "sums: taken with their last group", dut.sums_ready == (dut.advance & dut.group))


class PooledWindow(Harness):
    """Windows of one to four pixels, with or without a sign."""

    def __init__(self) -> None:
        super().__init__({"enable": In(1), "activation": In(4), "pick": In(1), "absent": In(4), "mode": In(5)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = Pool(SMALL)
        mode, absent = self.constant(m, self.mode, "mode"), self.constant(m, self.absent, "absent")
        relu, shift, last = mode[0], mode[1:3], mode[3:5]
        self.assume(m, (shift == 0) | ((shift == 1) & (last == 1)) | ((shift == 2) & (last == 3)))
        pixel, ended = Signal(2), Signal()
        m.d.comb += [
            dut.enable.eq(self.enable),
            dut.activation.eq(self.activation),
            dut.relu.eq(relu),
            dut.shift.eq(shift),
            dut.first.eq(pixel == 0),
            dut.odd.eq(pixel[0]),
        ]
        total, picked, seen = Signal(signed(8)), Signal(signed(5)), Signal()
        value, pooled = (self._number(m, each, relu) for each in (self.activation, dut.pooled))
        with m.If(self.enable):
            m.d.sync += [
                pixel.eq(Mux(pixel == last, 0, pixel + 1)),
                ended.eq(pixel == last),
                total.eq(Mux(pixel == 0, 0, total) + value),
                seen.eq((self.activation == absent) | ((pixel != 0) & seen)),
            ]
            with m.If((pixel == 0) | self.pick):
                m.d.sync += picked.eq(value)
        count = Signal(3)
        m.d.comb += count.eq(last + 1)
        rest = 2 * total + count - 2 * count * pooled
        maximum, average = ended & (shift == 0), ended & (shift != 0)
        self.check(m, "maximum: no pixel is larger", ~maximum | (pooled >= picked))
        self.check(m, "maximum: one of the pixels", ~maximum | seen | (dut.pooled != absent))
        self.check(m, "average: half rounds up", ~average | ((rest >= 0) & (rest < 2 * count)))

    def _number(self, m: Module, activation: Signal, relu: Signal) -> Signal:
        number = Signal(signed(5), name="number")
        m.d.comb += number.eq(Cat(activation, activation[-1] & ~relu).as_signed())
        return number


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

    CONFIG = SMALL.replace(lanes=12)

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
        depths = {Space.LAYER: 7, Space.ROW: 2, Space.WEIGHT: 4, Space.TABLE: 2, Space.ACTIVATION: 4, Space.BIAS: 4}
        exists = (payload.row == 0) & Cat(
            (payload.space == space) & (payload.address < depth) for space, depth in depths.items()
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
        good_end = Signal()
        m.d.comb += good_end.eq(taken & load.tlast & ends_word & (count == 0) & ~dut.discarding)
        with m.If((taken & load.tlast) | dut.discarding | self.abort):
            m.d.sync += place.eq(0)
        written = write.valid & write.ready
        in_word = taken & ends_word & ~dut.discarding & ~self.abort
        self.check(m, "writes: one for each word", written == in_word)
        told = (payload.space == space) & (payload.row == row) & (payload.address == address)
        self.check(m, "writes: where the header says", ~written | (told & (row == 0)))
        self.check(m, "loaded: after a good packet, and only then", dut.loaded == self.before(m, good_end, "good"))
        first = Signal(32)
        with m.If(taken & word & ~beat):
            m.d.sync += first.eq(load.tdata)
        wide = (payload.data[:32] == first) & (payload.data[32:48] == load.tdata[:16])
        narrow = payload.data[:32] == load.tdata
        self.check(m, "writes: the beats, low bits first", ~written | (two_beats & wide) | (~two_beats & narrow))


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
    Proof("BiasQueue", BiasQueue),
    Proof("RowSums", RowSums, "proof.dut.control"),
    Proof("DrainResults", DrainResults, "proof.dut.control"),
    Proof("DrainQueue", DrainQueue),
    Proof("PooledWindow", PooledWindow),
    Proof("SenderQueue", SenderQueue, "proof.dut"),
    Proof("LoaderPackets", LoaderPackets),
    Proof("LiteTransfers", LiteTransfers),
)
