"""Layer + array -> the writes that load it, and its results from the beats that come back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.model.layer import CompressedLayer
from compress.model.pool import PoolKind
from rtl.array.write_bus import LayerRegister, Space, rows_of
from rtl.config import ArrayConfig
from rtl.widths import row_registers, shift_bits
from sim.golden.golden import accumulator_bits, accumulator_range, run_layer
from sim.mapping.encoders.registry import make_packer
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.level_codes import power_bits
from sim.mapping.plan import LayerPlan, plan_layer, row_weights
from sim.mapping.slices import RowSlice

__all__ = ["PackedLayer", "Write", "check_numbers", "pack", "weight_words"]


class Write(NamedTuple):
    """One write of the load port."""

    space: Space
    row: int
    address: int
    data: int


@dataclass(frozen=True, eq=False)
class PackedLayer:
    """A layer ready for one array: static writes, activation writes for given inputs, results back to a tensor."""

    layer: CompressedLayer
    config: ArrayConfig
    plan: LayerPlan
    weight_words: tuple[NDArray[np.uint64], ...]

    def static_writes(self) -> Iterator[Write]:
        """Registers, weights, address tables and biases: written once per layer."""
        layer, layout = self.layer, self.plan.layout
        registers = {
            LayerRegister.LAST_FILTER: layer.levels.shape[0] - 1,
            LayerRegister.LAST_TILE: layout.pixel_groups - 1,
            LayerRegister.MULTIPLIER: layer.requantization.multiplier,
            LayerRegister.SHIFT: layer.requantization.shift - 1,
            LayerRegister.RELU: int(layer.relu),
            LayerRegister.LAST_PIXEL: layout.window_pixels - 1,
            LayerRegister.POOL_SHIFT: self._pool_shift,
            LayerRegister.LAST_SUBARRAY: layout.subarrays - 1,
        }
        for register, value in registers.items():
            yield Write(Space.LAYER, 0, register, value)
        accumulator_mask = (1 << self.config.acc_bits) - 1
        for address, bias in enumerate(layer.bias.tolist()):
            yield Write(Space.BIAS, 0, address, bias & accumulator_mask)
        for row, part in self._rows():
            if row < rows_of(self.config, Space.ROW):
                for index, value in enumerate(self._row_registers(part)):
                    yield Write(Space.ROW, row, index, value)
            for address, word in enumerate(self.weight_words[part].tolist()):
                yield Write(Space.WEIGHT, row, address, word)
            if row < rows_of(self.config, Space.TABLE):
                for address, word in enumerate(self._table(self.plan.slices[part])):
                    yield Write(Space.TABLE, row, address, word)

    def _rows(self) -> Iterator[tuple[int, int]]:
        """Every row of the array, and which row of its subarray it is."""
        for row in range(self.plan.layout.subarrays * len(self.plan.slices)):
            yield row, row % len(self.plan.slices)

    @property
    def _pool_shift(self) -> int:
        average = self.pooled and self.layer.pool is not None and self.layer.pool.kind is PoolKind.AVERAGE
        return self.plan.layout.window_pixels.bit_length() - 1 if average else 0

    @property
    def pooled(self) -> bool:
        """Whether the array does the layer's pooling."""
        return self.plan.layout.geometry.pooled

    def _row_registers(self, row: int) -> list[int]:
        """Values in the order of ``rtl.widths.row_registers``."""
        part = self.plan.slices[row]
        values = {
            "last_word": len(self.weight_words[row]) - 1,
            "last_tap": max(1, len(part.taps)) - 1,
            "last_channel": max(1, len(part.channels)) - 1,
            "plane": self.plan.layout.phases * self.plan.layout.plane_words if len(part.channels) > 1 else 0,
            **self.plan.rows[row].registers,
        }
        return [values[name] for name, _ in row_registers(self.config)]

    def _table(self, part: RowSlice) -> list[int]:
        """Address table: every position, or the taps alone where channels are counted."""
        blank = [0] * self.config.index.leading_positions
        if part.positions == 0:
            return [*blank, 0]
        tap_words, tap_shifts = self.plan.layout.table_words()
        taps = list(part.taps)
        plane = self.plan.layout.phases * self.plan.layout.plane_words
        channels = 1 if self.config.index.counts_positions else len(part.channels)
        words = (np.arange(channels)[:, None] * plane + tap_words[taps]).ravel()
        shifts = np.tile(tap_shifts[taps], channels)
        return [*blank, *(words << shift_bits(self.config) | shifts).tolist()]

    def activation_writes(self, activations_nchw: NDArray[np.uint8]) -> Iterator[Write]:
        """Fill every row's activation bank for one batch of inputs, (batch, C, H, W).

        Padding has the code of a real zero. A row without work keeps zeros: its weights are ones.
        """
        batch = self.plan.layout.batch
        if activations_nchw.shape != (batch, *self.layer.input_shape):
            raise CodesignError(
                f"layer {self.layer.name!r} was packed for inputs {(batch, *self.layer.input_shape)}, "
                f"not {activations_nchw.shape}",
                "pack it for that batch",
            )
        planes = self.plan.layout.planes(activations_nchw, self.layer.input_zero_point)
        for row, index in self._rows():
            part = self.plan.slices[index]
            words = planes[row // len(self.plan.slices)][list(part.channels)].reshape(-1, self.config.lanes)
            channels = self.plan.channels if self.plan.lockstep else max(1, len(part.channels))
            depth = self.plan.layout.words(channels)
            blank = np.zeros((depth - len(words), self.config.lanes), np.uint8)
            for address, pixels in enumerate(np.concatenate([words, blank])):
                yield Write(Space.ACTIVATION, row, address, _join(pixels, self.config.act_bits))

    @property
    def result_beats(self) -> int:
        """Beats the array sends for one batch."""
        filters: int = self.layer.levels.shape[0]
        return self.plan.layout.pixel_groups * filters * self.plan.layout.subarrays * self._beats_of_filter

    @property
    def _beats_of_filter(self) -> int:
        return self.config.lanes // self.config.requant_lanes // self.plan.layout.window_pixels

    def answer(self, activations_nchw: NDArray[np.uint8]) -> NDArray[np.int16]:
        """What the array must send, by the golden model: pooled where the array pools."""
        return run_layer(self.layer, activations_nchw, self.pooled)

    def unpack_results(self, beats: NDArray[np.uint16]) -> NDArray[np.int16]:
        """(batch, K, H_out, W_out) from (result_beats, requant_lanes) values in the order they were sent.

        H_out and W_out are after pooling where the array pools. A beat has one value of each block of lanes.
        """
        filters, subarrays = self.layer.levels.shape[0], self.plan.layout.subarrays
        shape = (-1, filters, subarrays, self._beats_of_filter, self.config.requant_lanes)
        pixels_kp = beats.astype(np.int16).reshape(shape).transpose(1, 2, 0, 4, 3).reshape(filters, -1)
        results = pixels_kp[:, self.plan.layout.output_numbers].transpose(1, 0, 2, 3)
        if self.layer.relu:
            return results
        sign = 1 << (self.config.act_bits - 1)
        return ((results ^ sign) - sign).astype(np.int16)


def pack(layer: CompressedLayer, config: ArrayConfig, batch: int = 1, subarrays: int = 1) -> PackedLayer:
    """Lay a layer out on an array, or on as many subarrays, for ``batch`` samples at a time; it pools where it can.

    Raises CodesignError where the layer does not fit: bank depths, weight or activation bits, accumulator range,
    groups, or pruned weights on a dense array.
    """
    if layer.groups != 1:
        raise CodesignError(
            f"layer {layer.name!r} has {layer.groups} groups; one run of the array has one",
            "divide it by sim.mapping.tiles",
        )
    check_numbers(layer, config)
    mask = layer.levels != 0
    geometry = ArrayGeometry.of(layer).on(config.lanes, config.requant_lanes)
    rows = config.rows // subarrays
    plan = plan_layer(
        mask,
        geometry,
        rows,
        config.lanes,
        config.index,
        batch,
        config.weight_bits,
        subarrays=subarrays,
        lockstep=config.lockstep,
    )
    plan.depths.check(layer.name, config)
    return PackedLayer(layer, config, plan, weight_words(layer, config, plan))


def weight_words(layer: CompressedLayer, config: ArrayConfig, plan: LayerPlan) -> tuple[NDArray[np.uint64], ...]:
    """Every row's weight bank.

    A row without work has one weight per filter, in an all-zero plane. Rows in lock-step are each a filter behind the
    row above and read the same address, so row r's bank begins with the last r filters.
    """
    levels_kct = layer.levels.reshape(*layer.levels.shape[:2], -1)
    packer = make_packer(config.index, config.weight_bits, config.levels)
    if not plan.lockstep:
        return tuple(packer.encode(row_weights(part, levels_kct)) for part in plan.slices)
    positions = int(plan.tokens_rk[0, 0])
    levels = (row_weights(part, levels_kct, positions) for part in plan.slices)
    return tuple(packer.encode(np.roll(levels_kl, row, axis=0)) for row, levels_kl in enumerate(levels))


def check_numbers(layer: CompressedLayer, config: ArrayConfig) -> None:
    """CodesignError for levels, activations or sums that the array has too few bits for."""
    name = f"layer {layer.name!r}"
    bits = power_bits(name, layer.levels) if config.levels == "powers" else layer.weight_bits
    if bits > config.weight_bits:
        raise CodesignError(
            f"{name} has {bits}-bit levels, the array {config.weight_bits}-bit codes",
            f"quantize to {config.weight_bits} bits or generate an array with weight_bits = {bits}",
        )
    if layer.act_bits != config.act_bits:
        raise CodesignError(
            f"{name} has {layer.act_bits}-bit activations, the array {config.act_bits}-bit ones",
            f"generate an array with act_bits = {layer.act_bits}",
        )
    needed = accumulator_bits(layer)
    if needed > config.acc_bits:
        low, high = accumulator_range(layer)
        raise CodesignError(
            f"{name} can reach {low}..{high}, which {config.acc_bits}-bit accumulators cannot hold",
            f"generate an array with acc_bits = {needed}",
        )


def _join(pixels: NDArray[np.uint8], act_bits: int) -> int:
    """One activation word, pixel 0 in the low bits."""
    if act_bits == 8:
        return int.from_bytes(pixels.tobytes(), "little")
    word = 0
    for pixel in reversed(pixels.tolist()):
        word = word << act_bits | pixel
    return word
