"""The register between rows in lock-step and the drain."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from rtl.array.row import sums_layout
from rtl.config import ArrayConfig
from rtl.data_register import data_register

__all__ = ["SumRegister"]


class SumRegister(Component):
    """Keep the last row's sums of a filter until the drain has taken them.

    ``closed.ready`` is the registered emptiness: no path leads from the drain to the rows within a cycle.

    Members
    -------
    closed : stream In
    sums : stream Out
        The same a cycle later. A beat takes at least two cycles.
    """

    def __init__(self, config: ArrayConfig) -> None:
        sums = stream.Signature(sums_layout(config))
        super().__init__({"closed": In(sums), "sums": Out(sums)})

    def elaborate(self, platform: Any) -> Elaboratable:
        """A register and whether it is full."""
        m = Module()
        held = data_register(m, self.sums.payload)
        m.d.comb += self.closed.ready.eq(~self.sums.valid)
        with m.If(self.closed.valid & self.closed.ready):
            m.d.sync += [self.sums.valid.eq(1), held.eq(self.closed.payload)]
        with m.Elif(self.sums.ready):
            m.d.sync += self.sums.valid.eq(0)
        return m
