"""The head of the chain: one bias per filter, repeated for each tile."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from rtl.config import ArrayConfig
from rtl.widths import COUNT_BITS, address_bits, bias_layout

__all__ = ["BiasSource"]


class BiasSource(Component):
    """Read the bias bank cyclically.

    Latency: valid three cycles after ``start``. Throughput: one bias a cycle; the bank's word waits until the
    previous bias is taken. It is read only while ``running``, when it is not written.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "running": In(1),
                "last_filter": In(COUNT_BITS),
                "bank_en": Out(1),
                "bank_address": Out(address_bits(config.bias_depth)),
                "bank_data": In(bias_layout(config)),
                "biases": Out(stream.Signature(bias_layout(config))),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Address, word, bias: each advances when the next stage can take it."""
        m = Module()
        addressed, fetched, moves, take = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            take.eq(~self.biases.valid | self.biases.ready),
            moves.eq(~fetched | take),
            self.bank_en.eq(moves & self.running),
        ]
        with m.If(take):
            m.d.sync += [self.biases.payload.eq(self.bank_data), self.biases.valid.eq(fetched)]
        with m.If(moves):
            ends = self.bank_address == self.last_filter
            m.d.sync += [
                fetched.eq(addressed),
                self.bank_address.eq(Mux(ends, 0, self.bank_address + 1)),
            ]
        with m.If(self.start):
            m.d.sync += [addressed.eq(1), fetched.eq(0), self.bank_address.eq(0), self.biases.valid.eq(0)]
        return m
