"""Scale one accumulator to an activation: multiply, round, shift, saturate."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux, Signal, signed, unsigned
from amaranth.lib.wiring import Component, In, Out

from compress.layer import MULTIPLIER_BITS
from rtl.config import ArrayConfig

__all__ = ["REQUANTIZER_LATENCY", "Requantizer"]

REQUANTIZER_LATENCY = 5
"""Cycles from ``total`` to ``activation`` while ``advance`` is high."""

_DIGIT_BITS = 5


class Requantizer(Component):
    """``saturate((total * multiplier + 2**(shift - 1)) >> shift)``, half rounded up.

    With ``relu`` the result is 0..2**act_bits - 1, without it two's complement of ``act_bits`` bits.
    The multiplier is three digits of five bits, so that no stage is longer than a PE's multiplication. ``shift`` is
    stored minus one: the last bit shifted out is the rounding bit.

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
        """Three partial products, their sum in two steps, the shift, the rounding with saturation."""
        m = Module()
        acc_bits = self._config.acc_bits
        partial = [Signal(signed(acc_bits + _DIGIT_BITS), name=f"partial_{digit}") for digit in range(3)]
        low = Signal(signed(acc_bits + 2 * _DIGIT_BITS))
        high = Signal.like(partial[2])
        product = Signal(signed(acc_bits + MULTIPLIER_BITS))
        scaled = Signal.like(product)
        with m.If(self.advance):
            for digit, register in enumerate(partial):
                m.d.sync += register.eq(self.total * self.multiplier.word_select(digit, _DIGIT_BITS))
            m.d.sync += [
                low.eq(partial[0] + (partial[1] << _DIGIT_BITS)),
                high.eq(partial[2]),
                product.eq(low + (high << 2 * _DIGIT_BITS)),
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
