"""From a position's table word to two consecutive words of the activation bank."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.lib.wiring import Component, In, Out

from rtl.array.aligner import places_behind, places_from_odd
from rtl.config import ArrayConfig
from rtl.data_register import data_register
from rtl.widths import address_bits, shift_bits, table_layout

__all__ = ["Addresser"]


class Addresser(Component):
    """Add the tile's offset to the table word; even and odd words lie in separate banks.

    The table word is registered first: reading the table and adding would make one long path. ``offset`` comes a cycle
    after it. Of the word and its successor, ``even_address`` addresses the even one and ``odd_address`` the odd one;
    ``shift`` and ``from_odd`` (see ``Aligner``) follow in the cycle after that, together with the words read.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        bank_address = address_bits(config.activation_depth // 2)
        super().__init__(
            {
                "advance": In(1),
                "offset": In(address_bits(config.activation_depth)),
                "table_word": In(table_layout(config)),
                "even_address": Out(bank_address),
                "odd_address": Out(bank_address),
                "shift": Out(shift_bits(config)),
                "from_odd": Out(config.lanes),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """The table word, one adder for the activation word, one for its successor, the registers beside the bank."""
        m = Module()
        lanes = self._config.lanes
        entry = Signal(table_layout(self._config), reset_less=True)
        shift, from_odd = data_register(m, self.shift), data_register(m, self.from_odd)
        word = Signal(address_bits(self._config.activation_depth))
        m.d.comb += [
            word.eq(entry.word + self.offset),
            self.odd_address.eq(word >> 1),
            self.even_address.eq((entry.word + self.offset + 1) >> 1),
        ]
        with m.If(self.advance):
            m.d.sync += [
                entry.eq(self.table_word),
                shift.eq(entry.shift),
                from_odd.eq(places_from_odd(places_behind(entry.shift, lanes), word[0], lanes)),
            ]
        return m
