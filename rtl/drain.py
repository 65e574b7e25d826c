"""The output path: sums of the last row in, requantized activations out."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Signal, unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from compress.layer import MULTIPLIER_BITS
from rtl.config import ArrayConfig
from rtl.requantizer import REQUANTIZER_LATENCY, SHIFT_BITS, Requantizer
from rtl.row import sums_layout
from rtl.widths import COUNT_BITS

__all__ = ["DRAIN_LATENCY", "Drain", "DrainControl", "GroupSelect", "layer_registers", "result_layout"]

DRAIN_LATENCY = 1 + REQUANTIZER_LATENCY
"""Cycles from the choice of a group of lanes to its beat at ``results``."""


def result_layout(config: ArrayConfig) -> data.StructLayout:
    """One beat of results: ``requant_lanes`` neighbouring pixels of one filter; ``last`` ends the layer."""
    return data.StructLayout(
        {"values": data.ArrayLayout(unsigned(config.act_bits), config.requant_lanes), "last": unsigned(1)}
    )


def layer_registers() -> data.StructLayout:
    """Registers the whole array shares, in the order of ``LayerRegister``."""
    return data.StructLayout(
        {
            "last_filter": unsigned(COUNT_BITS),
            "last_tile": unsigned(COUNT_BITS),
            "multiplier": unsigned(MULTIPLIER_BITS),
            "shift": unsigned(SHIFT_BITS),
            "relu": unsigned(1),
        }
    )


class GroupSelect(Component):
    """Choose ``requant_lanes`` of the lanes and register them. Latency: one cycle."""

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        self.groups = config.lanes // config.requant_lanes
        super().__init__(
            {
                "advance": In(1),
                "group": In(max(1, (self.groups - 1).bit_length())),
                "sums": In(sums_layout(config)),
                "chosen": Out(data.ArrayLayout(sums_layout(config).elem_shape, config.requant_lanes)),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """A multiplexer and a register per requantizer."""
        m = Module()
        width = self._config.requant_lanes
        with m.If(self.advance):
            for lane in range(width):
                choices = data.View(
                    data.ArrayLayout(sums_layout(self._config).elem_shape, self.groups), self._every(lane)
                )
                m.d.sync += self.chosen[lane].eq(choices[self.group])
        return m

    def _every(self, lane: int) -> Any:
        return Cat(self.sums[lane + group * self._config.requant_lanes] for group in range(self.groups))


class DrainControl(Component):
    """Count groups, filters and tiles, and carry valid and last along the requantizers' stages.

    Nothing moves while a beat waits at ``results`` (``advance`` low).
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._groups = config.lanes // config.requant_lanes
        super().__init__(
            {
                "start": In(1),
                "last_filter": In(COUNT_BITS),
                "last_tile": In(COUNT_BITS),
                "sums_valid": In(1),
                "sums_ready": Out(1),
                "group": Out(max(1, (self._groups - 1).bit_length())),
                "advance": Out(1),
                "result_valid": Out(1),
                "result_last": Out(1),
                "result_ready": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Handshakes, then the nested counters."""
        m = Module()
        ends_filter, ends_tile, ends_layer = Signal(), Signal(), Signal()
        filter_, tile = Signal(COUNT_BITS), Signal(COUNT_BITS)
        valid, last = Signal(DRAIN_LATENCY), Signal(DRAIN_LATENCY)
        m.d.comb += [
            ends_filter.eq(self.group == self._groups - 1),
            ends_tile.eq(filter_ == self.last_filter),
            ends_layer.eq(ends_tile & (tile == self.last_tile)),
            self.advance.eq(~self.result_valid | self.result_ready),
            self.sums_ready.eq(self.advance & ends_filter),
            self.result_valid.eq(valid[-1]),
            self.result_last.eq(last[-1]),
        ]
        with m.If(self.advance):
            m.d.sync += [
                valid.eq(self.sums_valid | (valid << 1)),
                last.eq((ends_filter & ends_layer) | (last << 1)),
            ]
        with m.If(self.start):
            m.d.sync += [self.group.eq(0), filter_.eq(0), tile.eq(0)]
        with m.Elif(self.advance & self.sums_valid):
            m.d.sync += self.group.eq(self.group + 1)
            with m.If(ends_filter):
                m.d.sync += [self.group.eq(0), filter_.eq(filter_ + 1)]
                with m.If(ends_tile):
                    m.d.sync += [filter_.eq(0), tile.eq(tile + 1)]
        return m


class Drain(Component):
    """Empty one filter's sums in ``lanes / requant_lanes`` cycles through the requantizers.

    Order of results: tiles, in a tile filters, in a filter groups of neighbouring pixels.
    Latency: ``DRAIN_LATENCY``. Throughput: one beat a cycle while ``results`` is ready.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "registers": In(layer_registers()),
                "sums": In(stream.Signature(sums_layout(config))),
                "results": Out(stream.Signature(result_layout(config))),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Control, selection, requantizers."""
        m = Module()
        m.submodules.control = control = DrainControl(self._config)
        m.submodules.select = select = GroupSelect(self._config)
        m.d.comb += [
            control.start.eq(self.start),
            control.last_filter.eq(self.registers.last_filter),
            control.last_tile.eq(self.registers.last_tile),
            control.sums_valid.eq(self.sums.valid),
            self.sums.ready.eq(control.sums_ready),
            self.results.valid.eq(control.result_valid),
            self.results.payload.last.eq(control.result_last),
            control.result_ready.eq(self.results.ready),
            select.advance.eq(control.advance),
            select.group.eq(control.group),
            select.sums.eq(self.sums.payload),
        ]
        for lane in range(self._config.requant_lanes):
            m.submodules[f"requantizer_{lane}"] = requantizer = Requantizer(self._config)
            m.d.comb += [
                requantizer.advance.eq(control.advance),
                requantizer.total.eq(select.chosen[lane]),
                requantizer.multiplier.eq(self.registers.multiplier),
                requantizer.shift.eq(self.registers.shift),
                requantizer.relu.eq(self.registers.relu),
                self.results.payload.values[lane].eq(requantizer.activation),
            ]
        return m
