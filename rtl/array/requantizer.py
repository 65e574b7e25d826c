"""Scale one accumulator to an activation: multiply, round, shift, saturate."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux, Signal, signed, unsigned
from amaranth.lib.wiring import Component, In, Out

from compress.model.requantization import MAX_SHIFT, MULTIPLIER_BITS
from rtl.config import ArrayConfig

__all__ = ["REQUANTIZER_LATENCY", "SHIFT_BITS", "Requantizer"]

REQUANTIZER_LATENCY = 6
"""Cycles from ``total`` to ``activation`` while ``advance`` is high."""

SHIFT_BITS = (MAX_SHIFT - 1).bit_length()
"""Bits of the shift minus one."""

_DIGIT_BITS = 3
_DIGITS = MULTIPLIER_BITS // _DIGIT_BITS
_FINE_BITS = 3


class Requantizer(Component):
    """``saturate((total * multiplier + 2**(shift - 1)) >> shift)``, half rounded up.

    With ``relu`` the result is 0..2**act_bits - 1, without it two's complement of ``act_bits`` bits. The multiplier is
    split into digits and the shift into a coarse and a fine one, so that no stage is longer than a PE's multiplication,
    even for 4-bit levels. ``shift`` is stored minus one: the last bit shifted out is the rounding bit.

    Latency: ``REQUANTIZER_LATENCY``. Throughput: one a cycle. Nothing moves while ``advance`` is low.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "advance": In(1),
                "total": In(signed(config.acc_bits)),
                "multiplier": In(unsigned(MULTIPLIER_BITS)),
                "shift": In(unsigned(SHIFT_BITS)),
                "relu": In(1),
                "activation": Out(unsigned(config.act_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """A partial product per digit, their sum in two steps, the shift in two, rounding with saturation."""
        m = Module()
        bits = self._config.acc_bits
        partial = [Signal(signed(bits + _DIGIT_BITS), name=f"partial_{digit}") for digit in range(_DIGITS)]
        low, high = Signal(signed(bits + 2 * _DIGIT_BITS)), Signal.like(partial[-1])
        product = Signal(signed(bits + MULTIPLIER_BITS))
        coarse, scaled = Signal.like(product), Signal.like(product)
        with m.If(self.advance):
            for digit, register in enumerate(partial):
                m.d.sync += register.eq(self.total * self.multiplier.word_select(digit, _DIGIT_BITS))
            m.d.sync += [
                low.eq(partial[0] + (partial[1] << _DIGIT_BITS)),
                high.eq(partial[2]),
                product.eq(low + (high << 2 * _DIGIT_BITS)),
                coarse.eq(product >> (self.shift[_FINE_BITS:] << _FINE_BITS)),
                scaled.eq(coarse >> self.shift[:_FINE_BITS]),
                self.activation.eq(self._saturate(scaled)),
            ]
        return m

    def _saturate(self, scaled: Signal) -> Any:
        """Round by the bit under the point, and clip to 0 and the largest activation, or to two's complement.

        Saturation is decided before rounding: rounding overflows exactly when all bits are ones.
        """
        bits = self._config.act_bits
        rounded = (scaled[: bits + 2].as_signed() + 1) >> 1
        negative = scaled[-1]
        above = Mux(self.relu, scaled[bits + 1 :].any(), scaled[bits:].any())
        full = Mux(self.relu, scaled[: bits + 1].all(), scaled[:bits].all())
        too_high = ~negative & (above | full)
        too_low = negative & (self.relu | ~scaled[bits:].all())
        highest = Mux(self.relu, (1 << bits) - 1, (1 << (bits - 1)) - 1)
        lowest = Mux(self.relu, 0, 1 << (bits - 1))
        return Mux(too_high, highest, Mux(too_low, lowest, rounded[:bits]))
