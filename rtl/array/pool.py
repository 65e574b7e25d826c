"""Pooling in the output path: a window of consecutive activations becomes one."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal, signed, unsigned
from amaranth.lib.wiring import Component, In, Out

from rtl.config import ArrayConfig

__all__ = ["LARGEST_WINDOW", "PIXEL_BITS", "POOL_LATENCY", "POOL_SHIFT_BITS", "Pool"]

LARGEST_WINDOW = 64
"""Pixels of the largest pooling window."""

PIXEL_BITS = (LARGEST_WINDOW - 1).bit_length()
"""Bits of a pixel's number in its window."""

POOL_SHIFT_BITS = PIXEL_BITS.bit_length()
"""Bits of the base-2 logarithm of the number of averaged pixels."""

POOL_LATENCY = 1
"""Cycles from a window's last ``activation`` to ``pooled``."""


class Pool(Component):
    """The maximum of the activations of a window, or their average, ``floor((2 * sum + count) / (2 * count))``.

    An average is over 2^``shift`` pixels; it rounds by adding 1 for every second pixel.
    ``shift`` 0 selects the maximum. A window of one pixel is the pixel itself.

    Latency: ``POOL_LATENCY``. Throughput: one activation a cycle. Nothing moves while ``enable`` is low.

    Members
    -------
    enable : In
        ``activation`` is the next pixel.
    activation : In
        0..2^act_bits - 1 with ``relu``, else two's complement.
    first, odd : In
        The pixel is the first of its window; is the second, fourth, sixth, ...
    pooled : Out
        Result of the pixels since ``first``; valid after the last pixel of the window.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "enable": In(1),
                "activation": In(unsigned(config.act_bits)),
                "relu": In(1),
                "first": In(1),
                "odd": In(1),
                "shift": In(POOL_SHIFT_BITS),
                "pooled": Out(unsigned(config.act_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """One adder, one comparator, one register, one shifter."""
        m = Module()
        pixel = Signal(signed(self._config.act_bits + 1))
        kept = Signal(signed(self._config.act_bits + 1 + PIXEL_BITS))
        average = self.shift.any()
        m.d.comb += [
            pixel.eq(Cat(self.activation, self.activation[-1] & ~self.relu).as_signed()),
            self.pooled.eq(kept >> self.shift),
        ]
        largest = Signal.like(pixel)
        m.d.comb += largest.eq(Mux(pixel > kept[: len(pixel)].as_signed(), pixel, kept[: len(pixel)].as_signed()))
        with m.If(self.enable):
            m.d.sync += kept.eq(Mux(self.first, pixel, Mux(average, kept + pixel + self.odd, largest)))
        return m
