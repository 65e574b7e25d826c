"""Load packets in, writes of the array's port out."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from rtl.array.register_values import register_values
from rtl.array.write_bus import Space, data_bits, rows_of, write_bus_layout
from rtl.axi.packets import ADDRESS_FIELD, ROW_FIELD, STREAM_BITS, beats_of_word, words_of_space
from rtl.axi.ports import axi_stream
from rtl.config import ArrayConfig

__all__ = ["Loader"]


class State(IntEnum):
    """Which beat comes next."""

    PLACE = 0
    COUNT = 1
    CHECK = 2
    DATA = 3
    DISCARD = 4


class Loader(Component):
    """Unpacks load packets: segments of two header beats and their words, TLAST at the end of the last segment.

    A wrong packet is dropped from there to its TLAST; words before that place are written. Errors are: a bank, row or
    address that does not exist, a row other than 0 for what is there once, a value that is not legal in its register,
    and TLAST in the middle of a segment. One beat a cycle, and one cycle more for each segment.

    Members
    -------
    load : In
        The stream; ready does not depend on valid within a cycle.
    write : Out
        To the array; it waits while the array is busy.
    abort : In
        Drop the rest of the packet; with nothing left to come, a second abort ends that too.
    in_packet, discarding : Out
    loaded, failed : Out
        High for one cycle after the end of a good packet, after the wrong beat of a bad one.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "load": In(axi_stream(STREAM_BITS)),
                "write": Out(stream.Signature(write_bus_layout(config))),
                "abort": In(1),
                "in_packet": Out(1),
                "discarding": Out(1),
                "loaded": Out(1),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Interpret the current beat, then choose the next state."""
        m = Module()
        state = Signal(State)
        space, row, words_left = Signal(8), Signal(8), Signal(ROW_FIELD)
        address = Signal(ADDRESS_FIELD)
        word, ends_word = self._word(m, state, space)
        legal = self._legal(m, space, address)
        taken, ends_segment = Signal(), Signal()
        m.d.comb += [
            self.write.valid.eq((state == State.DATA) & self.load.tvalid & ends_word & legal & ~self.abort),
            self.write.payload.data.eq(word),
            self.write.payload.address.eq(address),
            self.write.payload.row.eq(row),
            self.write.payload.space.eq(space),
            self.load.tready.eq(self._takes(state, ends_word, legal)),
            taken.eq(self.load.tvalid & self.load.tready),
            ends_segment.eq(ends_word & (words_left == 0)),
            self.discarding.eq(state == State.DISCARD),
        ]
        m.d.sync += [self.loaded.eq(0), self.failed.eq(0)]
        with m.If(taken):
            m.d.sync += self.in_packet.eq(~self.load.tlast)
        with m.If((state == State.PLACE) & taken):
            m.d.sync += [Cat(address, space).eq(self.load.tdata), state.eq(State.COUNT)]
            self._refuse_end(m, state)
        with m.Elif((state == State.COUNT) & taken):
            m.d.sync += [Cat(words_left, row).eq(self.load.tdata), state.eq(State.CHECK)]
            self._refuse_end(m, state)
        with m.Elif(state == State.CHECK):
            fits = self._fits(m, space, row, address, words_left)
            m.d.sync += [state.eq(Mux(fits, State.DATA, State.DISCARD)), self.failed.eq(~fits)]
        with m.Elif(state == State.DATA):
            with m.If(taken & ends_word):
                m.d.sync += [address.eq(address + 1), words_left.eq(words_left - 1)]
            self._after_data(m, state, taken, legal, ends_segment)
        with m.Elif((state == State.DISCARD) & taken & self.load.tlast):
            m.d.sync += state.eq(State.PLACE)
        self._obey_abort(m, state)
        return m

    def _takes(self, state: Signal, ends_word: Signal, legal: Signal) -> Value:
        """The last beat of a legal word when the array takes it; every other one, unless a header is checked."""
        waits_for_none = (state != State.DATA) | ~ends_word | ~legal
        return ~self.abort & (state != State.CHECK) & (waits_for_none | self.write.ready)

    def _after_data(self, m: Module, state: Signal, taken: Signal, legal: Signal, ends_segment: Signal) -> None:
        """Where a beat of data leads: to the next segment, out of a wrong packet, else to the next beat."""
        with m.If(taken & ~legal):
            m.d.sync += [state.eq(Mux(self.load.tlast, State.PLACE, State.DISCARD)), self.failed.eq(1)]
        with m.Elif(taken & ends_segment):
            m.d.sync += [state.eq(State.PLACE), self.loaded.eq(self.load.tlast)]
        with m.Elif(taken):
            self._refuse_end(m, state)

    def _obey_abort(self, m: Module, state: Signal) -> None:
        """Drop the rest of a packet; what is being dropped already is taken to have ended."""
        with m.If(self.abort):
            rest = self.in_packet & ~self.discarding
            m.d.sync += [state.eq(Mux(rest, State.DISCARD, State.PLACE)), self.in_packet.eq(rest)]
            m.d.sync += [self.loaded.eq(0), self.failed.eq(0)]

    def _refuse_end(self, m: Module, state: Signal) -> None:
        """Reject TLAST where a segment does not end."""
        with m.If(self.load.tlast):
            m.d.sync += [state.eq(State.PLACE), self.failed.eq(1)]

    def _word(self, m: Module, state: Signal, space: Signal) -> tuple[Any, Signal]:
        """Collect the beats of a word: the word as of this beat, and whether that is all of it."""
        most = max(beats_of_word(self._config, each) for each in Space)
        ends_word = Signal()
        if most == 1:
            m.d.comb += ends_word.eq(1)
            return self.load.tdata, ends_word
        beat, last_beat = Signal(range(most)), Signal(range(most))
        early = Signal((most - 1) * STREAM_BITS)
        for each in Space:
            with m.If(space == each):
                m.d.comb += last_beat.eq(beats_of_word(self._config, each) - 1)
        m.d.comb += ends_word.eq(beat == last_beat)
        with m.If((state != State.DATA) | self.abort):
            m.d.sync += beat.eq(0)
        with m.Elif(self.load.tvalid & self.load.tready):
            m.d.sync += beat.eq(Mux(ends_word, 0, beat + 1))
            for place in range(most - 1):
                with m.If(beat == place):
                    m.d.sync += early.word_select(place, STREAM_BITS).eq(self.load.tdata)
        slots = [
            Mux(beat == place, self.load.tdata, early.word_select(place, STREAM_BITS)) for place in range(most - 1)
        ]
        return Cat(*slots, self.load.tdata)[: data_bits(self._config)], ends_word

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

    def _legal(self, m: Module, space: Signal, address: Signal) -> Signal:
        """Whether the beat is a legal value of its register; words of banks are. Registers take one beat."""
        legal = Signal(init=1)
        for each, registers in register_values(self._config).items():
            for place, values in enumerate(registers.values()):
                with m.If((space == each) & (address[:3] == place)):
                    m.d.comb += legal.eq(_among(self.load.tdata, values))
        return legal


def _among(value: Value, values: Sequence[int]) -> Value:
    """Whether ``value`` is one of ``values``: a comparison with each end of a range, else with each value."""
    if not isinstance(values, range):
        return Cat(value == each for each in values).any()
    below = value <= values[-1]
    return below & (value >= values[0]) if values[0] else below
