"""The processing element of rows in lock-step: a multiplier and an accumulator."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux, signed, unsigned
from amaranth.lib.wiring import Component, In, Out

from rtl.array.multiplier import factor_layout, plus_product, product_register
from rtl.config import ArrayConfig
from rtl.data_register import data_register

__all__ = ["LockstepPE"]


class LockstepPE(Component):
    """Multiply an activation by the row's level and accumulate, from the sum of the row above.

    With a filter's first product the accumulator starts from ``above``: the row above ends that filter in the cycle
    before, so that its accumulator holds the sum in just this cycle.

    Latency: the product one cycle after the operands, without a ``product_stage`` at once; the sum a cycle later.
    Throughput: one multiply-accumulate a cycle. Nothing moves while ``advance`` is low.

    Members
    -------
    advance, activation, factor : In
    first : In
        The product is a filter's first.
    above : In
        The accumulator of the row above, or the bias.
    total : Out
        The accumulator.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "advance": In(1),
                "activation": In(unsigned(config.act_bits)),
                "factor": In(factor_layout(config)),
                "first": In(1),
                "above": In(signed(config.acc_bits)),
                "total": Out(signed(config.acc_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Multiplier, accumulator."""
        m = Module()
        config = self._config
        product = product_register(m, config, self.activation, self.factor, self.advance)
        accumulator = data_register(m, self.total)
        before = Mux(self.first, self.above, accumulator)
        after = plus_product(m, config, before, product.word, product.carry)
        with m.If(self.advance):
            m.d.sync += accumulator.eq(after)
        return m
