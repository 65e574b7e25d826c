"""The head of the chain: the biases, one a filter, again for each tile."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from rtl.config import ArrayConfig
from rtl.widths import COUNT_BITS, address_bits, bias_layout

__all__ = ["BiasSource"]


class BiasSource(Component):
    """Read the bias bank in a circle.

    Latency: valid two cycles after ``start``. Throughput: one bias a cycle; the bank's read register is the
    stream's register, so the next address is presented when a bias is taken.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "last_filter": In(COUNT_BITS),
                "bank_en": Out(1),
                "bank_address": Out(address_bits(config.bias_depth)),
                "bank_data": In(bias_layout(config)),
                "biases": Out(stream.Signature(bias_layout(config))),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """An address one ahead of the bias on offer."""
        m = Module()
        primed = Signal()
        m.d.comb += [
            self.bank_en.eq(~self.biases.valid | self.biases.ready),
            self.biases.payload.eq(self.bank_data),
        ]
        with m.If(self.start):
            m.d.sync += [self.bank_address.eq(0), primed.eq(1), self.biases.valid.eq(0)]
        with m.Elif(self.bank_en & primed):
            ends = self.bank_address == self.last_filter
            m.d.sync += [self.bank_address.eq(Mux(ends, 0, self.bank_address + 1)), self.biases.valid.eq(1)]
        return m
