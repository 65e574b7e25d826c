"""A stream of tokens of any length, divided into words: the front of every decoder of variable-length codes."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out

from compress.base.errors import CodesignError
from rtl.shift import shifted_right

__all__ = ["BitBuffer"]


class BitBuffer(Component):
    """The stream's next ``bits_seen`` bits, and a token's length taken from them every cycle.

    It holds one word and looks at the next. One word per cycle is enough because no token is longer than a
    word. A pass starts at bit ``first_bit`` of its first word and ends with the last bit of its last word, so that
    the next pass follows without a cycle lost.

    Latency: one cycle, in which the first word is taken in. Throughput: one token a cycle.

    Members
    -------
    start, advance, first_bit : In
    word, word_valid, word_ends_tile, next :
        As in ``Decoder``.
    bits, valid : Out
        The stream, next bit first.
    length_known, length_found : In
        Bits of the token at the front, the part that does not depend on ``bits`` apart from the part that does.
    word_held, ahead : Out
        The word that contains the front; bit p of ``ahead`` is set unless bit p of that word is behind the front.
    offset : Out
        Of the front in ``word_held``.
    runs_over : In
        The token at the front ends with the word or beyond: ``offset`` and its length are ``word_bits`` or more. It is
        an input, not computed, because it drives every register of a word: a decoder can derive it from bits in
        their places, before they are shifted to the front and its length is known.
    ends_tile : Out
        The token at the front ends the pass.
    """

    def __init__(self, word_bits: int, bits_seen: int) -> None:
        if bits_seen > word_bits:
            raise CodesignError(
                f"{bits_seen} bits at a time out of words of {word_bits}", "a word must hold the longest token"
            )
        self._word_bits = word_bits
        offset_bits = max(1, (word_bits - 1).bit_length())
        length_bits = word_bits.bit_length()
        super().__init__(
            {
                "start": In(1),
                "advance": In(1),
                "first_bit": In(offset_bits),
                "word": In(word_bits),
                "word_valid": In(1),
                "word_ends_tile": In(1),
                "next": Out(1),
                "bits": Out(bits_seen),
                "valid": Out(1),
                "length_known": In(length_bits),
                "length_found": In(length_bits),
                "word_held": Out(word_bits),
                "ahead": Out(word_bits - 1),
                "offset": Out(offset_bits),
                "runs_over": In(1),
                "ends_tile": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Shift, move the offset, and take the next word when it runs over."""
        m = Module()
        held, held_ends_tile, offset = self.word_held, Signal(), self.offset
        base, behind = Signal(len(offset) + 1), Signal(len(offset))
        m.d.comb += [
            self.bits.eq(shifted_right(m, Cat(held, self.word), offset, len(self.bits))),
            self.ahead.eq(Cat(offset <= place for place in range(self._word_bits - 1))),
            base.eq(offset + self.length_known),
            behind.eq(Mux(self.runs_over, base - self._word_bits, base) + self.length_found),
            self.next.eq(~self.valid | self.runs_over),
            self.ends_tile.eq(held_ends_tile & self.runs_over),
        ]
        with m.If(self.start):
            m.d.sync += offset.eq(self.first_bit)
        with m.Elif(self.advance & self.valid):
            restart = Mux(self.ends_tile, self.first_bit, 0)  # a pass ends where a word does: ``behind`` is 0 there
            m.d.sync += offset.eq(behind | restart)
        with m.If(self.advance & self.next):
            m.d.sync += [
                held.eq(self.word),
                self.valid.eq(self.word_valid),
                held_ends_tile.eq(self.word_ends_tile),
            ]
        return m
