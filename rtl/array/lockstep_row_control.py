"""What a row in lock-step has of its own: its tile, its addresses, its level."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Signal, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from rtl.config import ArrayConfig
from rtl.formats.decoder import level_of
from rtl.formats.dense import Dense
from rtl.widths import address_bits, level_shape

__all__ = ["LockstepRowControl", "place_layout"]


def place_layout(config: ArrayConfig) -> data.StructLayout:
    """Which tile a row works on, and whether it has work: not before its first filter, and not after its last one."""
    return data.StructLayout({"tile": unsigned(address_bits(config.activation_depth)), "working": unsigned(1)})


class LockstepRowControl(Component):
    """Add the row's tile to the shared activation word; even and odd words lie in separate banks.

    A row works on the filter that the row above worked on a slot before, so it takes over that row's place, too. Of the
    word and its successor, ``even_address`` addresses the even one and ``odd_address`` the odd one.

    Members
    -------
    start, advance : In
    next_slot : In
        The last token of a filter is in the bank stage.
    place : In
        This row's.
    below : Out
        The next row's: ``place`` a slot later.
    word : In
        Activation word of the token in the bank stage, relative to the tile.
    even_address, odd_address : Out
    odd_first : Out
        One cycle later, together with the words read.
    weight_word : In
    level : Out
        Of that word, one cycle later, together with the aligned pixels.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        bank_address = address_bits(config.activation_depth // 2)
        super().__init__(
            {
                "start": In(1),
                "advance": In(1),
                "next_slot": In(1),
                "place": In(place_layout(config)),
                "below": Out(place_layout(config)),
                "word": In(address_bits(config.activation_depth)),
                "even_address": Out(bank_address),
                "odd_address": Out(bank_address),
                "odd_first": Out(1),
                "weight_word": In(config.word_bits),
                "level": Out(level_shape(config)),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """One adder for the word, one for its successor, and the registers of the stages."""
        m = Module()
        word = Signal.like(self.word)
        m.d.comb += [
            word.eq(self.word + self.place.tile),
            self.odd_address.eq(word >> 1),
            self.even_address.eq((self.word + self.place.tile + 1) >> 1),
        ]
        with m.If(self.start):
            m.d.sync += self.below.eq(0)
        with m.Elif(self.next_slot):
            m.d.sync += self.below.eq(self.place)
        coded = isinstance(self._config.index, Dense)
        with m.If(self.advance):
            m.d.sync += [
                self.odd_first.eq(word[0]),
                self.level.eq(level_of(self.weight_word) if coded else self.weight_word.as_signed()),
            ]
        return m
