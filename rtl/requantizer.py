"""Scale one accumulator to an activation: multiply, round, shift, saturate."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux, Signal, signed, unsigned
from amaranth.lib.wiring import Component, In, Out

from compress.layer import MULTIPLIER_BITS
from rtl.config import ArrayConfig

__all__ = ["REQUANTIZER_LATENCY", "Requantizer"]

REQUANTIZER_LATENCY = 4
"""Cycles from ``total`` to ``activation`` while ``advance`` is high."""

_LOW_BITS = 8


class Requantizer(Component):
    """``saturate((total * multiplier + 2**(shift - 1)) >> shift)``, half rounded up.

    With ``relu`` the result is 0..2**act_bits - 1, without it two's complement of ``act_bits`` bits.
    The multiplier is split in two so that no stage is longer than a PE's multiplication. ``shift`` is stored
    minus one: the last bit shifted out is the rounding bit.

    Latency: ``REQUANTIZER_LATENCY``. Throughput: one a cycle. Nothing moves while ``advance`` is low.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "advance": In(1),
                "total": In(signed(config.acc_bits)),
                "multiplier": In(unsigned(MULTIPLIER_BITS)),
                "shift": In(unsigned(6)),
                "relu": In(1),
                "activation": Out(unsigned(config.act_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Two partial products, their sum, the shift, the rounding with saturation."""
        m = Module()
        acc_bits = self._config.acc_bits
        low = Signal(signed(acc_bits + _LOW_BITS))
        high = Signal(signed(acc_bits + MULTIPLIER_BITS - _LOW_BITS))
        product = Signal(signed(acc_bits + MULTIPLIER_BITS))
        scaled = Signal.like(product)
        with m.If(self.advance):
            m.d.sync += [
                low.eq(self.total * self.multiplier[:_LOW_BITS]),
                high.eq(self.total * self.multiplier[_LOW_BITS:]),
                product.eq(low + (high << _LOW_BITS)),
                scaled.eq(product >> self.shift),
                self.activation.eq(self._saturate(scaled)),
            ]
        return m

    def _saturate(self, scaled: Signal) -> Any:
        """Round by the bit under the point, then clip: to 0 and the largest activation, or to two's complement."""
        bits = self._config.act_bits
        rounded = (scaled[: bits + 2].as_signed() + 1) >> 1
        negative = scaled[-1]
        overhang = Mux(self.relu, scaled[bits + 1 :], scaled[bits:])
        fits = Mux(negative, (~scaled[bits:]) == 0, overhang == 0)
        top = Mux(self.relu, (1 << bits) - 1, (1 << (bits - 1)) - 1)
        too_high = ~negative & (~fits | (rounded > top))
        lowest = Mux(self.relu, 0, 1 << (bits - 1))
        too_low = negative & (self.relu | ~fits)
        return Mux(too_high, top, Mux(too_low, lowest, rounded[:bits]))
