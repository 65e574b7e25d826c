"""Select ``lanes`` consecutive pixels from two consecutive activation words."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Elaboratable, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from rtl.config import ArrayConfig
from rtl.data_register import data_register
from rtl.widths import shift_bits

__all__ = ["Aligner", "places_behind", "places_from_odd"]


def places_behind(shift: Value, lanes: int) -> Value:
    """A bit for each place of a word but the last: whether the pixel of the word after the first is wanted there."""
    return Cat(shift > place for place in range(lanes - 1))


def places_from_odd(behind: Value, odd_first: Value, lanes: int) -> Value:
    """A bit for each place of a word: whether the pixel that is wanted there is the odd word's."""
    return Cat(behind, Const(0, 1)) ^ odd_first.replicate(lanes)


class Aligner(Component):
    """Rotate two words so that lane v sees pixel ``shift + v``.

    Of the pixels that two words have at a place, one is wanted: ``from_odd`` says for each place whether it is that of
    the odd word. What is chosen is rotated by ``shift``, smallest step first.

    Latency: ``aligner_stages``, registered at the output, and with two behind the choice too. Nothing moves while
    ``advance`` is low.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        word = data.ArrayLayout(unsigned(config.act_bits), config.lanes)
        super().__init__(
            {
                "advance": In(1),
                "even": In(word),
                "odd": In(word),
                "from_odd": In(config.lanes),
                "shift": In(shift_bits(config)),
                "pixels": Out(word),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """A multiplexer for each place, then a logarithmic rotation."""
        m = Module()
        lanes = self._config.lanes
        word = data.ArrayLayout(unsigned(self._config.act_bits), lanes)
        chosen, aligned = Signal(word), data_register(m, self.pixels)
        m.d.comb += [chosen[v].eq(Mux(self.from_odd[v], self.odd[v], self.even[v])) for v in range(lanes)]
        shift = self.shift
        if self._config.aligner_stages == 2:
            chosen, shift = self._registered(m, chosen), self._registered(m, shift)
        for stage in range(len(shift)):
            rotated = Signal(word, name=f"rotated_by_{1 << stage}")
            m.d.comb += [
                rotated[v].eq(Mux(shift[stage], chosen[(v + (1 << stage)) % lanes], chosen[v])) for v in range(lanes)
            ]
            chosen = rotated
        with m.If(self.advance):
            m.d.sync += aligned.eq(chosen)
        return m

    def _registered(self, m: Module, value: Any) -> Any:
        register = Signal.like(value, reset_less=True)
        with m.If(self.advance):
            m.d.sync += register.eq(value)
        return register
