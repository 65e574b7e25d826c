"""The output path: sums of the last row in, requantized and pooled activations out."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from compress.model.requantization import MULTIPLIER_BITS
from rtl.array.pool import PIXEL_BITS, POOL_LATENCY, POOL_SHIFT_BITS, Pool
from rtl.array.requantizer import REQUANTIZER_LATENCY, Requantizer
from rtl.array.row import sums_layout
from rtl.array.scale import SHIFT_BITS, ScaleDecoder
from rtl.array.subarrays import inner_mask
from rtl.config import ArrayConfig
from rtl.widths import COUNT_BITS, address_bits, tail_bits

__all__ = ["DRAIN_LATENCY", "Drain", "DrainControl", "GroupSelect", "layer_registers", "result_layout"]

DRAIN_LATENCY = 1 + REQUANTIZER_LATENCY + POOL_LATENCY
"""Cycles from the selection of a window's last group of lanes to its beat at ``results``."""


def result_layout(config: ArrayConfig) -> data.StructLayout:
    """One beat of results: ``requant_lanes`` pixels, or pooled windows, of one filter; ``last`` ends the layer."""
    return data.StructLayout(
        {"values": data.ArrayLayout(unsigned(config.act_bits), config.requant_lanes), "last": unsigned(1)}
    )


def layer_registers(config: ArrayConfig) -> data.StructLayout:
    """Registers the whole array shares, in the order of ``LayerRegister``.

    An array of one subarray takes the register that says so, and needs no flip-flop for it.
    """
    stacks = {"last_subarray": unsigned(address_bits(config.subarrays))} if config.subarrays > 1 else {}
    return data.StructLayout(
        {
            "last_filter": unsigned(COUNT_BITS),
            "last_tile": unsigned(COUNT_BITS),
            "multiplier": unsigned(MULTIPLIER_BITS),
            "shift": unsigned(SHIFT_BITS),
            "relu": unsigned(1),
            "last_pixel": unsigned(PIXEL_BITS),
            "pool_shift": unsigned(POOL_SHIFT_BITS),
            **stacks,
        }
    )


class GroupSelect(Component):
    """Choose ``requant_lanes`` of the lanes and register them: group g has lane g of each block of neighbours.

    Each requantizer has a block of ``lanes / requant_lanes`` lanes, so that it sees the pixels of a pooling window one
    after the other. Latency: one cycle.
    """

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
        block = data.ArrayLayout(sums_layout(self._config).elem_shape, self.groups)
        with m.If(self.advance):
            for lane in range(self._config.requant_lanes):
                first = lane * self.groups
                choices = data.View(block, Cat(self.sums[first + group] for group in range(self.groups)))
                m.d.sync += self.chosen[lane].eq(choices[self.group])
        return m


class DrainControl(Component):
    """Count groups, subarrays, filters, tiles and window pixels; carry valid and last along the requantizers' stages.

    Nothing moves while a beat waits at ``results`` (``advance`` low). The groups of a filter form whole windows.

    Members
    -------
    last_pixel : In
        Pixels of a pooling window minus one, 0 for none.
    inner : In
        ``rtl.array.subarrays.inner_mask``.
    tail : Out
        Of the subarray whose sums are next.
    pool, first, odd : Out
        To the pools: a pixel is valid, is the first of its window, has an odd number in its window.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._groups = config.lanes // config.requant_lanes
        self._last_tail = config.subarrays - 1
        super().__init__(
            {
                "start": In(1),
                "inner": In(tail_bits(config)),
                "tail": Out(tail_bits(config)),
                "last_filter": In(COUNT_BITS),
                "last_tile": In(COUNT_BITS),
                "last_pixel": In(PIXEL_BITS),
                "sums_valid": In(1),
                "sums_ready": Out(1),
                "group": Out(max(1, (self._groups - 1).bit_length())),
                "advance": Out(1),
                "pool": Out(1),
                "first": Out(1),
                "odd": Out(1),
                "result_valid": Out(1),
                "result_last": Out(1),
                "result_ready": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Handshakes, then the nested counters."""
        m = Module()
        ends_sums, ends_filter, ends_tile, ends_layer = Signal(), Signal(), Signal(), Signal()
        filter_, tile = Signal(COUNT_BITS), Signal(COUNT_BITS)
        stages = DRAIN_LATENCY - POOL_LATENCY
        valid, last = Signal(stages), Signal(stages)
        m.d.comb += [
            ends_sums.eq(self.group == self._groups - 1),
            ends_filter.eq(ends_sums & self._is_last_tail),
            ends_tile.eq(filter_ == self.last_filter),
            ends_layer.eq(ends_tile & (tile == self.last_tile)),
            self.advance.eq(~self.result_valid | self.result_ready),
            self.sums_ready.eq(self.advance & ends_sums),
        ]
        with m.If(self.advance):
            m.d.sync += [
                valid.eq(self.sums_valid | (valid << 1)),
                last.eq((ends_filter & ends_layer) | (last << 1)),
            ]
        with m.If(self.start):
            m.d.sync += [self.group.eq(0), filter_.eq(0), tile.eq(0)]
        with m.Elif(self.advance & self.sums_valid):
            m.d.sync += self.group.eq(Mux(ends_sums, 0, self.group + 1))
            with m.If(ends_filter):
                m.d.sync += filter_.eq(filter_ + 1)
                with m.If(ends_tile):
                    m.d.sync += [filter_.eq(0), tile.eq(tile + 1)]
        if self._last_tail:
            with m.If(self.start | (self.advance & self.sums_valid & ends_filter)):
                m.d.sync += self.tail.eq(self.inner)
            with m.Elif(self.advance & self.sums_valid & ends_sums):
                m.d.sync += self.tail.eq(self.tail + self.inner + 1)
        self._pool(m, valid[-1], last[-1])
        return m

    @property
    def _is_last_tail(self) -> Any:
        return self.tail == self._last_tail if self._last_tail else 1

    def _pool(self, m: Module, valid: Any, last: Any) -> None:
        """Let a result out with the last pixel of a window."""
        pixel, ends_window = Signal(PIXEL_BITS), Signal()
        m.d.comb += [
            ends_window.eq(pixel == self.last_pixel),
            self.pool.eq(valid & self.advance),
            self.first.eq(pixel == 0),
            self.odd.eq(pixel[0]),
        ]
        with m.If(self.advance):
            m.d.sync += [self.result_valid.eq(valid & ends_window), self.result_last.eq(last)]
        with m.If(self.start):
            m.d.sync += pixel.eq(0)
        with m.Elif(self.pool):
            m.d.sync += pixel.eq(Mux(ends_window, 0, pixel + 1))


class Drain(Component):
    """Requantize and pool one filter's sums in ``lanes / requant_lanes`` cycles.

    Results come tile by tile, within a tile filter by filter, within a filter window by window (without pooling: pixel
    by pixel) of a block of lanes; a beat has one result of each block (``GroupSelect``). Latency: ``DRAIN_LATENCY``.
    Throughput: one group of lanes a cycle while ``results`` is ready.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "registers": In(layer_registers(config)),
                "tail": Out(tail_bits(config)),
                "sums": In(stream.Signature(sums_layout(config))),
                "results": Out(stream.Signature(result_layout(config))),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Control, selection, the decoded scale, requantizers, pools."""
        m = Module()
        m.submodules.control = control = DrainControl(self._config)
        m.submodules.select = select = GroupSelect(self._config)
        m.submodules.scale_decoder = decoder = ScaleDecoder(self._config)
        m.d.comb += [
            control.start.eq(self.start),
            control.last_filter.eq(self.registers.last_filter),
            control.last_tile.eq(self.registers.last_tile),
            control.last_pixel.eq(self.registers.last_pixel),
            self.tail.eq(control.tail),
            control.sums_valid.eq(self.sums.valid),
            self.sums.ready.eq(control.sums_ready),
            self.results.valid.eq(control.result_valid),
            self.results.payload.last.eq(control.result_last),
            control.result_ready.eq(self.results.ready),
            select.advance.eq(control.advance),
            select.group.eq(control.group),
            select.sums.eq(self.sums.payload),
            decoder.multiplier.eq(self.registers.multiplier),
            decoder.shift.eq(self.registers.shift),
        ]
        if self._config.subarrays > 1:
            m.d.comb += control.inner.eq(inner_mask(self._config, self.registers.last_subarray))
        for lane in range(self._config.requant_lanes):
            m.submodules[f"requantizer_{lane}"] = requantizer = Requantizer(self._config)
            m.submodules[f"pool_{lane}"] = pool = Pool(self._config)
            m.d.comb += [
                requantizer.advance.eq(control.advance),
                requantizer.total.eq(select.chosen[lane]),
                requantizer.scale.eq(decoder.scale),
                requantizer.relu.eq(self.registers.relu),
                pool.enable.eq(control.pool),
                pool.activation.eq(requantizer.activation),
                pool.relu.eq(self.registers.relu),
                pool.first.eq(control.first),
                pool.odd.eq(control.odd),
                pool.shift.eq(self.registers.pool_shift),
                self.results.payload.values[lane].eq(pool.pooled),
            ]
        return m
