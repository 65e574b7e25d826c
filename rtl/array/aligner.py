"""Select ``lanes`` consecutive pixels from two consecutive activation words."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux, Signal, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from rtl.config import ArrayConfig
from rtl.widths import shift_bits

__all__ = ["Aligner"]


class Aligner(Component):
    """Rotate two words so that lane v sees pixel ``shift + v``.

    The banks keep even and odd words apart; ``odd_first`` says which of the two comes first in the image.
    Each stage halves the number of candidate pixels, so the cost is lanes * log2(lanes) multiplexers.

    Latency: one cycle, registered at the output. Nothing moves while ``advance`` is low.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        word = data.ArrayLayout(unsigned(config.act_bits), config.lanes)
        super().__init__(
            {
                "advance": In(1),
                "even": In(word),
                "odd": In(word),
                "odd_first": In(1),
                "shift": In(shift_bits(config)),
                "pixels": Out(word),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """A multiplexer per word, then a logarithmic shifter, largest step first."""
        m = Module()
        lanes = self._config.lanes
        pixels = [Mux(self.odd_first, self.odd[v], self.even[v]) for v in range(lanes)]
        pixels += [Mux(self.odd_first, self.even[v], self.odd[v]) for v in range(lanes - 1)]
        for stage in reversed(range(len(self.shift))):
            step = 1 << stage
            needed = lanes + step - 1
            shifted = Signal(data.ArrayLayout(unsigned(self._config.act_bits), needed), name=f"shifted_by_{step}")
            for v in range(needed):
                if v + step < len(pixels):
                    m.d.comb += shifted[v].eq(Mux(self.shift[stage], pixels[v + step], pixels[v]))
                elif v < len(pixels):
                    m.d.comb += shifted[v].eq(pixels[v])
            pixels = [shifted[v] for v in range(needed)]
        with m.If(self.advance):
            m.d.sync += [self.pixels[v].eq(pixels[v]) for v in range(lanes)]
        return m
