"""The processing element: a multiplier, an accumulator and a register for the finished sum."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux, Signal, signed, unsigned
from amaranth.lib.wiring import Component, In, Out

from rtl.config import ArrayConfig
from rtl.widths import level_shape

__all__ = ["PE"]


class PE(Component):
    """Multiply an activation by the row's level and accumulate.

    ``product`` is registered, then added to ``initial`` (``first``) or to the running sum. ``capture`` copies
    the new sum into ``total``, where it waits for the next row.

    Latency: the product one cycle after the operands; the sum in the cycle after that.
    Throughput: one multiply-accumulate a cycle. Nothing moves while ``advance`` is low.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "advance": In(1),
                "activation": In(unsigned(config.act_bits)),
                "level": In(level_shape(config)),
                "accumulate": In(1),
                "first": In(1),
                "capture": In(1),
                "initial": In(signed(config.acc_bits)),
                "total": Out(signed(config.acc_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Multiplier, accumulator, hand-over register."""
        m = Module()
        config = self._config
        product = Signal(signed(config.act_bits + config.weight_bits + 1))
        accumulator = Signal(signed(config.acc_bits))
        total = Signal(signed(config.acc_bits))
        m.d.comb += total.eq(Mux(self.first, self.initial, accumulator) + product)
        with m.If(self.advance):
            m.d.sync += product.eq(self.activation * self.level)
        with m.If(self.accumulate):
            m.d.sync += accumulator.eq(total)
        with m.If(self.capture):
            m.d.sync += self.total.eq(total)
        return m
