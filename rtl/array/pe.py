"""The processing element: a multiplier, an accumulator and registers for finished sums."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux, Signal, signed, unsigned
from amaranth.lib.wiring import Component, In, Out

from rtl.array.multiplier import factor_layout, plus_product, product_register
from rtl.config import ArrayConfig

__all__ = ["PE"]


class PE(Component):
    """Multiply an activation by the row's level and accumulate; add the sum from above when a filter is done.

    The adder has nothing to add in the cycle of a filter's first product, which just becomes the running sum. That is
    when the filter before it is closed: the sum from above is added to its own, into one of ``chain_depth`` registers
    where it waits for the row below. With ``between`` the adder does that; else it adds the product.

    A product's carry (``rtl.array.multiplier``) is added with it; that of the first product, which is not added, when
    the filter is closed.

    Latency: the product one cycle after the operands, without a ``product_stage`` at once; the sum a cycle later.
    Throughput: one multiply-accumulate a cycle. The product waits while ``advance`` is low.

    Members
    -------
    advance, activation, factor : In
    accumulate, between : In
        Take the next running sum; between two filters it is the product alone.
    initial : In
        The sum from above.
    capture, oldest : In
        The register that takes the closed sum, and the one that is ``total``: one bit each.
    total : Out
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "advance": In(1),
                "activation": In(unsigned(config.act_bits)),
                "factor": In(factor_layout(config)),
                "accumulate": In(1),
                "between": In(1),
                "initial": In(signed(config.acc_bits)),
                "capture": In(config.chain_depth),
                "oldest": In(config.chain_depth),
                "total": Out(signed(config.acc_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Multiplier, accumulator, registers for the row below."""
        m = Module()
        config = self._config
        product = product_register(m, config, self.activation, self.factor, self.advance)
        accumulator = Signal(signed(config.acc_bits), reset_less=True)
        added, late = Signal(signed(config.acc_bits)), Signal(reset_less=True)
        totals = [
            Signal(signed(config.acc_bits), name=f"total_{slot}", reset_less=True) for slot in range(config.chain_depth)
        ]
        oldest = [total & self.oldest[slot].replicate(len(total)) for slot, total in enumerate(totals)]
        word, carry = Mux(self.between, self.initial, product.word), Mux(self.between, late, product.carry)
        m.d.comb += [
            added.eq(plus_product(m, config, accumulator, word, carry)),
            self.total.eq(reduce(or_, oldest) if len(totals) > 1 else totals[0]),
        ]
        with m.If(self.accumulate):
            m.d.sync += accumulator.eq(Mux(self.between, product.word, added))
        with m.If(self.accumulate & self.between):
            m.d.sync += late.eq(product.carry)
        for slot, total in enumerate(totals):
            with m.If(self.capture[slot]):
                m.d.sync += total.eq(added)
        return m
