"""What all requantizers need to know of a layer's multiplier and shift, worked out once for them."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Const, Elaboratable, Module, Signal, signed, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from compress.model.requantization import MAX_SHIFT, MULTIPLIER_BITS
from rtl.array.product import factor_members, factor_shape
from rtl.config import ArrayConfig

__all__ = ["BYTES", "SHIFT_BITS", "ScaleDecoder", "scale_layout"]

SHIFT_BITS = (MAX_SHIFT - 1).bit_length()
"""Bits of the shift minus one."""

BYTES = MAX_SHIFT // 8
"""Bytes of a product that may have the rounding bit."""


def scale_layout(config: ArrayConfig) -> data.StructLayout:
    """A layer's scale, decoded.

    Members
    -------
    factor : the multiplier, as ``factor_shape``
    byte : one-hot number of the byte of the product with the rounding bit
    bit : number of the rounding bit in its byte
    outside : for each bit of a sum below its sign: whether the result saturates where it differs from the sign
    """
    return data.StructLayout(
        {
            "factor": factor_shape(config),
            "byte": unsigned(BYTES),
            "bit": unsigned(3),
            "outside": unsigned(config.acc_bits - 1),
        }
    )


class ScaleDecoder(Component):
    """Decode a layer's multiplier and shift for ``Requantizer``.

    A sum outside -2^n..2^n - 1 with n = ``shift`` + 8 - floor(log2(``multiplier``)) becomes at least 2^8 or at most
    -2^8, and saturates; another one stays within -2^9..2^9.

    Latency: one cycle.

    Members
    -------
    multiplier : In
        1..511.
    shift : In
        The shift minus one.
    scale : Out
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "multiplier": In(unsigned(MULTIPLIER_BITS)),
                "shift": In(unsigned(SHIFT_BITS)),
                "scale": Out(scale_layout(config)),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Registers behind the decoding, without a reset: they follow registers that have one."""
        m = Module()
        scale = Signal(scale_layout(self._config), reset_less=True)
        zeros = Signal(range(MULTIPLIER_BITS))
        for bit in range(MULTIPLIER_BITS):
            with m.If(self.multiplier[bit]):
                m.d.comb += zeros.eq(MULTIPLIER_BITS - 1 - bit)
        inside = Signal(range(MAX_SHIFT + MULTIPLIER_BITS))
        m.d.comb += [inside.eq(self.shift + 1 + zeros), self.scale.eq(scale)]
        m.d.sync += [
            *(scale.factor[name].eq(value) for name, value in factor_members(self._config, self.multiplier).items()),
            scale.byte.eq(1 << self.shift[3:]),
            scale.bit.eq(self.shift[:3]),
            scale.outside.eq(Const(-1, signed(self._config.acc_bits - 1)) << inside),
        ]
        return m
