"""Load packets in, writes of the array's port and starts of layers out."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from rtl.array.register_values import register_values
from rtl.array.write_bus import Space, rows_of, write_bus_layout
from rtl.axi.gearbox import Gearbox
from rtl.axi.packets import ADDRESS_FIELD, HEADER_BITS, ROW_FIELD, header_beats, word_bits, words_of_space
from rtl.axi.ports import axi_stream
from rtl.config import ArrayConfig

__all__ = ["SEGMENT_CYCLES", "Loader"]

SEGMENT_CYCLES = 2
"""Cycles of a segment besides its header beats and its words: one to check the header, one to write the last word."""


class State(IntEnum):
    """What comes next: a header's first or second beat, its check, words, or what is dropped."""

    PLACE = 0
    COUNT = 1
    CHECK = 2
    DATA = 3
    DISCARD = 4


class Loader(Component):
    """Unpacks load packets: segments of a header and words without gaps, TLAST at the end of the last segment.

    A wrong packet is dropped from there to its TLAST; words before that place are written. Errors are: a bank, row or
    address that does not exist, a row other than 0 for what is there once, a value that is not legal in its register,
    and TLAST in the middle of a segment. A segment takes its header beats, ``packets.word_cycles`` for each word and
    ``SEGMENT_CYCLES``.

    Members
    -------
    load : In
        The stream; ready does not depend on valid within a cycle.
    write : Out
        To the array; it waits while the array takes no loads.
    start, start_ready : Out, In
        The packet's next word is START; it is answered. It waits in its place among the writes.
    abort : In
        Drop the rest of the packet; with nothing left to come, a second abort ends that too.
    in_packet, discarding : Out
        Beats of a packet are still to come; they will be dropped.
    loading : Out
        Beats are still to come or words still to be written.
    loaded, failed : Out
        High for one cycle after the last word of a good packet, after the wrong place of a bad one.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "load": In(axi_stream(config.stream_bits)),
                "write": Out(stream.Signature(write_bus_layout(config))),
                "start": Out(1),
                "start_ready": In(1),
                "abort": In(1),
                "in_packet": Out(1),
                "discarding": Out(1),
                "loading": Out(1),
                "loaded": Out(1),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Headers, then words, then what a wrong packet or an abort leads to."""
        m = Module()
        m.submodules.gearbox = gearbox = Gearbox(
            self._config.stream_bits, [word_bits(self._config, each) for each in Space]
        )
        state, taken, more, legal = Signal(State), Signal(), Signal(), Signal()
        space, row, words_left = Signal(8), Signal(8), Signal(ROW_FIELD)
        address = Signal(ADDRESS_FIELD)
        m.d.comb += [
            taken.eq(self.load.tvalid & self.load.tready),
            self.load.tready.eq(~self.abort & self._takes(state, gearbox)),
            self.discarding.eq(state == State.DISCARD),
            self.loading.eq(self.in_packet | (state == State.DATA)),
            legal.eq(self._legal(m, space, address, gearbox.words.payload[:32])),
        ]
        m.d.sync += [self.loaded.eq(0), self.failed.eq(0)]
        with m.If(taken):
            m.d.sync += self.in_packet.eq(~self.load.tlast)
        self._headers(m, state, taken, Cat(address, space, words_left, row))
        with m.If(state == State.CHECK):
            fits = self._fits(m, space, row, address, words_left)
            m.d.sync += [state.eq(Mux(fits, State.DATA, State.DISCARD)), self.failed.eq(~fits), more.eq(1)]
        self._unpack(m, gearbox, state, space, more)
        self._write(m, gearbox, state, space, legal)
        m.d.comb += [
            self.write.payload.address.eq(address),
            self.write.payload.row.eq(row),
            self.write.payload.space.eq(space),
        ]
        with m.If(gearbox.completes):
            m.d.sync += [words_left.eq(words_left - 1), more.eq(words_left != 0)]
        with m.If((self.write.valid & self.write.ready) | (self.start & self.start_ready)):
            m.d.sync += address.eq(address + 1)
            with m.If(~more):
                m.d.sync += [state.eq(State.PLACE), self.loaded.eq(~self.in_packet)]
        self._refuse(m, gearbox, state, taken, legal)
        self._obey_abort(m, state)
        return m

    def _takes(self, state: Signal, gearbox: Gearbox) -> Value:
        """Whether a beat is taken: of words when the next one needs it, others unless a header is checked."""
        return Mux(state == State.DATA, gearbox.beats.ready & self.in_packet, state != State.CHECK)

    def _headers(self, m: Module, state: Signal, taken: Signal, header: Value) -> None:
        """Take a header in one beat or two; it does not end a packet."""
        after_place = State.COUNT if header_beats(self._config) == 2 else State.CHECK
        half = header[: HEADER_BITS // 2]
        with m.If((state == State.PLACE) & taken):
            wide = self._config.stream_bits >= HEADER_BITS
            m.d.sync += [(header if wide else half).eq(self.load.tdata), state.eq(after_place)]
        with m.Elif((state == State.COUNT) & taken):
            m.d.sync += [header[HEADER_BITS // 2 :].eq(self.load.tdata), state.eq(State.CHECK)]
        with m.If(((state == State.PLACE) | (state == State.COUNT)) & taken & self.load.tlast):
            m.d.sync += [state.eq(State.PLACE), self.failed.eq(1)]

    def _unpack(self, m: Module, gearbox: Gearbox, state: Signal, space: Signal, more: Signal) -> None:
        """Words out of beats: from the first beat after a header to the segment's last word."""
        m.d.comb += [
            gearbox.restart.eq(state == State.CHECK),
            gearbox.kind.eq(space),
            gearbox.enable.eq((state == State.DATA) & more & ~self.abort),
            gearbox.beats.valid.eq(self.load.tvalid & self.in_packet),
            gearbox.beats.payload.eq(self.load.tdata),
        ]

    def _write(self, m: Module, gearbox: Gearbox, state: Signal, space: Signal, legal: Signal) -> None:
        """Offer each legal word to the array, or start a layer."""
        offers, commands = Signal(), Signal()
        m.d.comb += [
            offers.eq((state == State.DATA) & gearbox.words.valid & legal & ~self.abort),
            commands.eq(space == Space.COMMAND),
            self.write.valid.eq(offers & ~commands),
            self.start.eq(offers & commands),
            self.write.payload.data.eq(gearbox.words.payload),
            gearbox.words.ready.eq(Mux(commands, self.start_ready, self.write.ready)),
        ]

    def _refuse(self, m: Module, gearbox: Gearbox, state: Signal, taken: Signal, legal: Signal) -> None:
        """A value that is not legal, or a word that the packet ended before; then drop what is still to come."""
        ended = ~self.in_packet | (taken & self.load.tlast)
        illegal = gearbox.words.valid & ~legal
        with m.If((state == State.DATA) & (illegal | (gearbox.starves & ~self.in_packet))):
            m.d.sync += [state.eq(Mux(ended, State.PLACE, State.DISCARD)), self.failed.eq(1)]
        with m.If((state == State.DISCARD) & taken & self.load.tlast):
            m.d.sync += state.eq(State.PLACE)

    def _obey_abort(self, m: Module, state: Signal) -> None:
        """Drop the rest of a packet; what is being dropped already is taken to have ended."""
        with m.If(self.abort):
            rest = self.in_packet & ~self.discarding
            m.d.sync += [state.eq(Mux(rest, State.DISCARD, State.PLACE)), self.in_packet.eq(rest)]
            m.d.sync += [self.loaded.eq(0), self.failed.eq(0)]

    def _fits(self, m: Module, space: Signal, row: Signal, address: Signal, words_left: Signal) -> Signal:
        """Whether bank, row and last address of the segment exist."""
        fits, depth, rows = Signal(), Signal(ADDRESS_FIELD + 1), Signal(range(self._config.rows + 1))
        for each in Space:
            with m.If(space == each):
                m.d.comb += [
                    depth.eq(words_of_space(self._config, each)),
                    rows.eq(rows_of(self._config, each)),
                ]
        m.d.comb += fits.eq((address + words_left < depth) & (row < rows))
        return fits

    def _legal(self, m: Module, space: Signal, address: Signal, value: Value) -> Value:
        """Whether ``value`` is one that its register takes; words of banks are.

        What is legal there is chosen before it is compared with: the address is known earlier than the value.
        """
        most, not_zero, listed = Signal(len(value)), Signal(), Signal()
        with m.Switch(Cat(address[:3], space[:3])):
            for each, registers in register_values(self._config).items():
                for place, values in enumerate(registers.values()):
                    with m.Case(each << 3 | place):
                        m.d.comb += [most.eq(max(values)), not_zero.eq(min(values) > 0)]
                        among = 1 if isinstance(values, range) else Cat(value == legal for legal in values).any()
                        m.d.comb += listed.eq(among)
            with m.Default():  # said, since Verilator warns of a case that is not complete
                m.d.comb += [most.eq(~0), not_zero.eq(0), listed.eq(1)]
        return (value <= most) & (~not_zero | value.any()) & listed
