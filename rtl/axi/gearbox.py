"""From beats of a stream to words of any width that follow each other in it bit by bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from compress.base.errors import CodesignError
from rtl.shift import shifted_right

__all__ = ["Gearbox"]


class Gearbox(Component):
    """Words of one of several widths, low bits first, the first one from the start of a beat.

    A beat is kept until its last bit is used, and a word takes the rest of it and the start of the next beat. A word
    wider than a beat is collected in parts as wide as a beat.

    Latency: one cycle. Throughput: a word a cycle, or a part of a wider word.

    Parameters
    ----------
    beat_bits : int
        A power of two.
    widths : sequence of int
        Of words, by ``kind``.

    Members
    -------
    restart : In
        Drop what is left; the next word starts with the next beat.
    kind, enable : In
        Width of the words; whether another word is wanted.
    beats : stream In
    words : stream Out
        Bits above a word's width mean nothing.
    completes : Out
        A word's last bit is taken; it is offered from the next cycle on.
    starves : Out
        There is room for a word, and only a beat is missing.
    """

    def __init__(self, beat_bits: int, widths: Sequence[int]) -> None:
        if beat_bits < 2 or beat_bits & (beat_bits - 1):
            raise CodesignError(f"beats of {beat_bits} bits", "choose a power of two of at least 2 bits")
        self._beat_bits, self._widths = beat_bits, tuple(widths)
        super().__init__(
            {
                "restart": In(1),
                "kind": In(range(len(widths))),
                "enable": In(1),
                "beats": In(stream.Signature(beat_bits)),
                "words": Out(stream.Signature(max(widths))),
                "completes": Out(1),
                "starves": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Where the next part is and how wide, whether it can be taken, and the word that it belongs to."""
        m = Module()
        used = Signal(range(self._beat_bits), init=self._beat_bits - 1)
        held, part = Signal(self._beat_bits - 1), Signal(range(max(2, self._parts)))
        part_bits, is_last_part = self._part(m, part)
        end, room, takes = Signal(len(used) + 1), Signal(), Signal()
        m.d.comb += [
            end.eq(used + part_bits),
            room.eq(self.enable & (~self.words.valid | self.words.ready)),
            self.beats.ready.eq(room & end[-1]),
            self.starves.eq(self.beats.ready & ~self.beats.valid),
            takes.eq(room & (self.beats.valid | ~end[-1])),
            self.completes.eq(takes & is_last_part),
        ]
        with m.If(self.words.ready | takes):
            m.d.sync += self.words.valid.eq(self.completes)
        with m.If(takes):
            m.d.sync += [used.eq(end), part.eq(Mux(is_last_part, 0, part + 1))]
            self._collect(m, held, used, part)
        with m.If(self.beats.valid & self.beats.ready):
            m.d.sync += held.eq(self.beats.payload[1:])
        with m.If(self.restart):
            m.d.sync += [used.eq(self._beat_bits - 1), part.eq(0), self.words.valid.eq(0)]
        return m

    @property
    def _parts(self) -> int:
        return -(-max(self._widths) // self._beat_bits)

    def _part(self, m: Module, part: Signal) -> tuple[Signal, Signal]:
        """Bits of the part of a word that is next, and whether it is the word's last one."""
        part_bits, is_last = Signal(range(self._beat_bits + 1)), Signal()
        for kind, width in enumerate(self._widths):
            last, before = divmod(width - 1, self._beat_bits)
            with m.If(self.kind == kind):
                m.d.comb += is_last.eq(part == last)
                m.d.comb += part_bits.eq(Mux(is_last, before + 1, self._beat_bits))
        return part_bits, is_last

    def _collect(self, m: Module, held: Signal, used: Signal, part: Signal) -> None:
        """Put the next part in its place in the word: what follows the ``used + 1`` bits already used."""
        word = self.words.payload
        width = min(self._beat_bits, len(word))
        bits = shifted_right(m, Cat(held, self.beats.payload), used, width)
        for place in range(self._parts):
            with m.If(part == place):
                m.d.sync += word[place * width : (place + 1) * width].eq(bits)
