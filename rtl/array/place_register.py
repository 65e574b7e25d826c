"""Where rows in lock-step are: which tile each works on, a slot behind the row above."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from rtl.config import ArrayConfig
from rtl.widths import address_bits

__all__ = ["PlaceRegister", "place_layout"]


def place_layout(config: ArrayConfig) -> data.StructLayout:
    """Which tile a row works on, and whether it has work: not before its first filter, and not after its last one."""
    return data.StructLayout({"tile": unsigned(address_bits(config.activation_depth)), "working": unsigned(1)})


class PlaceRegister(Component):
    """Between two rows: the lower one works on the filter that the upper one worked on a slot before, in its tile.

    Members
    -------
    start, next_slot : In
        Begin a layer; the last token of a filter passes.
    above : In
    below : Out
        ``above`` a slot later; without work until the row above has had some.
    """

    def __init__(self, config: ArrayConfig) -> None:
        place = place_layout(config)
        super().__init__({"start": In(1), "next_slot": In(1), "above": In(place), "below": Out(place)})

    def elaborate(self, platform: Any) -> Elaboratable:
        """A register."""
        m = Module()
        with m.If(self.start):
            m.d.sync += self.below.eq(0)
        with m.Elif(self.next_slot):
            m.d.sync += self.below.eq(self.above)
        return m
