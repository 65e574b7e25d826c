"""What a row in lock-step has of its own: addresses in its tile, and its level."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.lib.wiring import Component, In, Out

from rtl.array.aligner import places_from_odd
from rtl.array.multiplier import factor_layout, factor_members
from rtl.config import ArrayConfig
from rtl.data_register import data_register
from rtl.formats.dense import dense_level
from rtl.widths import address_bits, level_layout

__all__ = ["LockstepRowControl"]


class LockstepRowControl(Component):
    """Add the row's tile to the shared activation word; even and odd words lie in separate banks.

    Of the word and its successor, ``even_address`` addresses the even one and ``odd_address`` the odd one.

    Members
    -------
    advance : In
    tile, word, behind : In
        Of the token in the bank stage: the row's tile, the activation word relative to it, and which places of the word
        after it are wanted (``places_behind``).
    even_address, odd_address : Out
    from_odd : Out
        See ``Aligner``. One cycle later, together with the words read.
    weight_word : In
    factor : Out
        Of that word's level, together with the aligned pixels: ``aligner_stages`` later.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        bank_address = address_bits(config.activation_depth // 2)
        super().__init__(
            {
                "advance": In(1),
                "tile": In(address_bits(config.activation_depth)),
                "word": In(address_bits(config.activation_depth)),
                "even_address": Out(bank_address),
                "odd_address": Out(bank_address),
                "behind": In(config.lanes - 1),
                "from_odd": Out(config.lanes),
                "weight_word": In(config.word_bits),
                "factor": Out(factor_layout(config)),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """One adder for the word, one for its successor, and the registers of the stages."""
        m = Module()
        word = Signal.like(self.word)
        m.d.comb += [
            word.eq(self.word + self.tile),
            self.odd_address.eq(word >> 1),
            self.even_address.eq((self.word + self.tile + 1) >> 1),
        ]
        level = Signal(level_layout(self._config))
        factor, from_odd = data_register(m, self.factor), data_register(m, self.from_odd)
        early = Signal.like(factor) if self._config.aligner_stages == 2 else factor
        m.d.comb += level.eq(dense_level(self._config, self.weight_word))
        with m.If(self.advance):
            m.d.sync += from_odd.eq(places_from_odd(self.behind, word[0], self._config.lanes))
            m.d.sync += [early[name].eq(value) for name, value in factor_members(self._config, level).items()]
            if self._config.aligner_stages == 2:
                m.d.sync += factor.eq(early)
        return m
