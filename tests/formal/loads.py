"""Loads: beats to words, packets to writes, and what START waits for."""

from __future__ import annotations

from functools import partial

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from rtl.array.write_bus import LayerRegister, Space, rows_of, write_bus_layout
from rtl.axi.gearbox import Gearbox
from rtl.axi.load_tracker import LoadTracker
from rtl.axi.loader import Loader
from rtl.axi.packets import ADDRESS_FIELD, ROW_FIELD
from tests.formal.arrays import SMALL
from tests.formal.engine import Harness, In, Proof
from tests.formal.streams import assume_stream, check_stream


class Words(Harness):
    """Beats to words of one width after the other: one bit of the stream, whichever, is followed to its word."""

    BEAT, WIDTHS = 4, (1, 3, 4, 6)

    def __init__(self) -> None:
        names = ("restart", "enable", "valid", "ready", "pick")
        super().__init__({**{name: In(1) for name in names}, "kind": In(2), "beat": In(self.BEAT), "bit": In(2)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = Gearbox(self.BEAT, self.WIDTHS)
        kind, width = Signal(2), Signal(3)
        with m.If(self.restart):
            m.d.sync += kind.eq(self.kind)
        m.d.comb += [
            dut.restart.eq(self.restart),
            dut.kind.eq(kind),
            dut.enable.eq(self.enable & ~self.restart),
            dut.beats.valid.eq(self.valid),
            dut.beats.payload.eq(self.beat),
            dut.words.ready.eq(self.ready),
            width.eq(Array(Const(bits, 3) for bits in self.WIDTHS)[kind]),
        ]
        enters, leaves = dut.beats.valid & dut.beats.ready, dut.words.valid & dut.words.ready
        inside, ahead = Signal(6), Signal(6)
        following, bit = Signal(), Signal()
        after = inside - Mux(leaves, width, 0)
        m.d.sync += inside.eq(after + Mux(enters, self.BEAT, 0))
        with m.If(following & leaves):
            m.d.sync += [ahead.eq(ahead - width), following.eq(ahead >= width)]
        with m.If(~following & enters & self.pick):
            m.d.sync += [
                following.eq(1),
                ahead.eq(after + self.bit),
                bit.eq(self.beat.bit_select(self.bit, 1)),
            ]
        with m.If(self.restart):
            m.d.sync += [inside.eq(0), following.eq(0)]
        here = following & leaves & (ahead < width)
        words, waited, waiting = dut.words, Signal(3), Mux(dut.words.valid, width, 0)
        with m.If(words.valid | self.restart | ~self.enable | (inside < width)):
            m.d.sync += waited.eq(0)
        with m.Else():
            m.d.sync += waited.eq(waited + 1)
        self.check(m, "words: each bit is in its word", ~here | (words.payload.bit_select(ahead, 1) == bit))
        self.check(m, "words: none before its bits are there", ~words.valid | (inside >= width))
        self.check(m, "beats: none is taken that no word needs yet", inside < 2 * self.BEAT + max(self.WIDTHS))
        self.check(m, "words: offered in time", waited < 3)
        self.check(m, "completes: a word is offered in the next cycle", self._offers(m, dut))
        self.check(m, "starves: a word lacks bits, and there is room", ~dut.starves | (inside < width + waiting))
        check_stream(self, m, "words", words.valid, words.ready, words.payload, excused=self.restart)

    def _offers(self, m: Module, dut: Gearbox) -> Signal:
        completed = self.before(m, dut.completes & ~self.restart, "completed")
        stayed = self.before(m, dut.words.valid & ~dut.words.ready & ~self.restart, "stayed")
        return dut.words.valid == (completed | stayed)


class LoaderPackets(Harness):
    """Load packets to writes: any beats, from a sender that keeps the rules. What is in the words: ``Words``."""

    def __init__(self, stream_bits: int) -> None:
        self.config = SMALL.replace(rows=2, lanes=12, stream_bits=stream_bits)
        super().__init__({"valid": In(1), "data": In(stream_bits), "last": In(1), "ready": In(1), "abort": In(1)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = Loader(self.config)
        load, write = dut.load, dut.write
        m.d.comb += [
            load.tvalid.eq(self.valid),
            load.tdata.eq(self.data),
            load.tlast.eq(self.last),
            write.ready.eq(self.ready),
            dut.start_ready.eq(self.ready),
            dut.abort.eq(self.abort),
        ]
        assume_stream(self, m, "s_axis", load.tvalid, load.tready, Cat(load.tdata, load.tlast))
        check_stream(self, m, "writes", write.valid, write.ready, write.payload.as_value(), excused=self.abort)
        waits = self.before(m, dut.start & ~dut.start_ready & ~self.abort, "start_waits")
        self.check(m, "start: held until it is answered", ~waits | dut.start | self.abort)
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
            (payload.space == space) & (payload.address < depth) & (payload.row < rows_of(self.config, space))
            for space, depth in depths.items()
        ).any()
        self.check(m, "writes: only to banks and addresses that are there", ~write.valid | exists)
        self._check_segments(m, dut, taken)

    def _check_segments(self, m: Module, dut: Loader, taken: Signal) -> None:
        """A monitor of its own: beats of the header, then words, counted down."""
        load, write, payload = dut.load, dut.write, dut.write.payload
        in_words, second, count = Signal(), Signal(), Signal(ROW_FIELD)
        space, row, address = Signal(8), Signal(8), Signal(ADDRESS_FIELD)
        ended, written = Signal(), (write.valid & write.ready) | (dut.start & dut.start_ready)
        ends = written & (count == 0)
        reading = in_words & ~dut.failed & ~dut.discarding
        with m.If(dut.failed | dut.discarding):
            m.d.sync += in_words.eq(0)
        with m.If(taken & ~reading & ~dut.discarding):
            self._header(m, in_words, second, Cat(address, space, count, row))
        with m.If(reading & written):
            m.d.sync += [count.eq(count - 1), address.eq(address + 1), in_words.eq(~ends)]
        with m.If(taken):
            m.d.sync += ended.eq(load.tlast)
        with m.If(self.abort):
            m.d.sync += [in_words.eq(0), second.eq(0)]
        self.check(m, "writes: only of a segment's words", ~written | reading)
        told = (payload.space == space) & (payload.row == row) & (payload.address == address)
        self.check(m, "writes: where the header says", ~written | told)
        legal = self._legal(m, space, address, payload.data[:32])
        self.check(m, "writes: only values that are legal", ~written | legal)
        self.check(m, "start: by a command and by nothing else", ~written | (dut.start == (space == Space.COMMAND)))
        good_end = self.before(m, ends & ended & ~self.abort, "good_end")
        self.check(m, "loaded: after a good packet, and only then", dut.loaded == good_end)
        self.check(m, "loading: until the last word is written", dut.loading | ~reading)

    def _header(self, m: Module, in_words: Signal, second: Signal, fields: Value) -> None:
        """A beat of a header, which has one or two; TLAST makes it none."""
        if len(self.data) == 32:
            half = Mux(second, Cat(fields[:32], self.data), self.data)
            m.d.sync += [fields.eq(half), in_words.eq(second & ~self.last), second.eq(~second & ~self.last)]
        else:
            m.d.sync += [fields.eq(self.data), in_words.eq(~self.last)]

    def _legal(self, m: Module, space: Signal, address: Signal, value: Signal) -> Signal:
        """The ranges of docs/hardware.md for this array, written out."""
        legal = Signal(init=1)
        highest = {LayerRegister.LAST_FILTER: 3, LayerRegister.LAST_TILE: 3, LayerRegister.MULTIPLIER: 511}
        highest |= {LayerRegister.SHIFT: 31, LayerRegister.RELU: 1, LayerRegister.POOL_SHIFT: 6}
        highest |= {LayerRegister.LAST_SUBARRAY: 0}
        with m.If(space == Space.LAYER):
            for register, most in highest.items():
                with m.If(address == register):
                    m.d.comb += legal.eq(value <= most)
            with m.If((address == LayerRegister.MULTIPLIER) & (value == 0)):
                m.d.comb += legal.eq(0)
            with m.If(address == LayerRegister.LAST_PIXEL):
                m.d.comb += legal.eq(Cat(value == n - 1 for n in (1, 2, 3, 4, 6, 12)).any())
        with m.If(space == Space.COMMAND):
            m.d.comb += legal.eq((address == 0) & (value == 1))
        with m.If((space == Space.ROW) & (address == 0)):
            m.d.comb += legal.eq(value <= 3)
        with m.If((space == Space.ROW) & (address == 1)):
            m.d.comb += legal.eq((value == 1) | (value == 2))
        return legal


class LayerLoaded(Harness):
    """Writes in any order, layers that start, all forgotten at any time: what START waits for."""

    def __init__(self, buffers: int) -> None:
        self.config = SMALL.replace(buffers=buffers)
        super().__init__(
            {"write_en": In(1), "write": In(write_bus_layout(self.config).size), "starts": In(1), "clear": In(1)}
        )

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = LoadTracker(self.config)
        write = data.View(write_bus_layout(self.config), self.write)
        start = self.starts & dut.complete & ~self.write_en
        m.d.comb += [
            dut.write_en.eq(self.write_en),
            dut.write.eq(self.write),
            dut.start.eq(start),
            dut.clear.eq(self.clear),
        ]
        banks = (Space.WEIGHT, Space.TABLE, Space.ACTIVATION, Space.BIAS)
        needed = dict.fromkeys(banks, 1) | {Space.LAYER: len(LayerRegister), Space.ROW: 2}
        whole = []
        for space, count in needed.items():
            seen, touched, old = Signal(count), Signal(), Signal()
            turns = self.config.buffers == 2 and space in banks
            with m.If(self.write_en & (write.space == space)):
                m.d.sync += touched.eq(1)
                with m.If((write.address < count) & (write.row == 0)):
                    m.d.sync += seen.bit_select(write.address[:3], 1).eq(1)
            with m.If(start if turns else 0):
                m.d.sync += [seen.eq(0), touched.eq(0), old.eq(1)]
            with m.If(self.clear):
                m.d.sync += [seen.eq(0), touched.eq(0), old.eq(0)]
            whole.append(Mux(touched, seen.all(), old) if turns else seen.all())
        self.check(m, "loaded: every register and the first word of each bank", dut.complete == Cat(whole).all())


PROOFS = (
    Proof("Words", Words),
    Proof("LoaderPackets, 32 bits", partial(LoaderPackets, 32), "proof.dut"),
    Proof("LoaderPackets, 64 bits", partial(LoaderPackets, 64), "proof.dut"),
    Proof("LayerLoaded, one buffer", partial(LayerLoaded, 1)),
    Proof("LayerLoaded, two buffers", partial(LayerLoaded, 2)),
)
