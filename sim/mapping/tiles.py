"""Layer + array -> packed runs that each fit, and the layer's results from theirs: what a driver does."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.model.layer import CompressedLayer
from rtl.config import ArrayConfig
from sim.golden.golden import run_layer
from sim.mapping.cycles import Chain
from sim.mapping.division import PlannedRun
from sim.mapping.filter_order import filter_order
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.pack import PackedLayer, check_numbers, weight_words
from sim.mapping.parts import Part, part_inputs, part_layer
from sim.mapping.schedule import Schedule, make_schedule

__all__ = ["PackedRun", "Tiling", "tile_layer"]


@dataclass(frozen=True, eq=False)
class PackedRun:
    """One run of a layer and the part it computes, with filters counted in ``filter_order``."""

    part: Part
    packed: PackedLayer


@dataclass(frozen=True, eq=False)
class Tiling:
    """A layer ready for an array of any size: one run if it fits, else several smaller layers that do.

    Members
    -------
    order : int64 (K,)
        The layer's filters in the order in which the array computes them (``filter_order``).
    """

    layer: CompressedLayer
    order: NDArray[np.int64]
    config: ArrayConfig
    batch: int
    schedule: Schedule
    runs: tuple[PackedRun, ...]

    @property
    def pooled(self) -> bool:
        """Whether the array does the layer's pooling."""
        return self.schedule.pooled

    def answer(self, activations_nchw: NDArray[np.uint8]) -> NDArray[np.int16]:
        """What ``join`` must return, by the golden model: pooled where the array pools."""
        return run_layer(self.layer, activations_nchw, self.pooled)

    @property
    def cycles(self) -> int:
        """Cycles of all runs of one batch, by the cycle model."""
        return self.schedule.cycles(Chain.of(self.config))

    def inputs(self, run: PackedRun, activations_nchw: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What ``run`` reads of (N, C, H, W), where N is a multiple of the batch: its part of each batch in turn."""
        if activations_nchw.shape[1:] != self.layer.input_shape or len(activations_nchw) % self.batch:
            raise CodesignError(
                f"layer {self.layer.name!r} was tiled for {self.batch} inputs {self.layer.input_shape} at a time, "
                f"not {activations_nchw.shape}",
                "tile it for that batch, or fill the last one",
            )
        geometry = ArrayGeometry.of(self.layer)
        batches = activations_nchw.reshape(-1, self.batch, *self.layer.input_shape)
        fill = self.layer.input_zero_point
        return np.concatenate([part_inputs(geometry, run.part, batch, fill) for batch in batches])

    def join(self, results: list[NDArray[np.int16]]) -> NDArray[np.int16]:
        """(N, K, H_out, W_out) from the results of every run, each for the ``inputs`` of all batches.

        H_out and W_out are after pooling where the array pools.
        """
        filters, height, width = self.layer.output_shape if self.pooled else self.layer.conv_shape
        window = self.schedule.runs[0].plan.layout.geometry.window[0]
        batches = len(results[0]) // len(self.runs[0].part.samples)
        joined = np.zeros((batches, self.batch, filters, height, width), np.int16)
        for run, values in zip(self.runs, results, strict=True):
            part = run.part
            lines = range(part.lines.start // window, part.lines.stop // window)
            joined[
                :,
                part.samples.start : part.samples.stop,
                self.order[part.filters.start : part.filters.stop],
                lines.start : lines.stop,
            ] = values.reshape(batches, len(part.samples), len(part.filters), len(lines), width)
        return joined.reshape(-1, filters, height, width)


def tile_layer(layer: CompressedLayer, config: ArrayConfig, batch: int = 1) -> Tiling:
    """Pack a layer with any number of groups into as many runs as it needs, for ``batch`` samples at a time.

    Raises CodesignError if the layer needs more weight, activation or accumulator bits than the array has, if the index
    format cannot store the mask, or if one filter and one output line of a group do not fit the banks.
    """
    check_numbers(layer, config)
    order = filter_order(layer.levels != 0, layer.groups)
    ordered = replace(layer, levels=layer.levels[order], bias=layer.bias[order])
    schedule = make_schedule(layer.name, ordered.levels != 0, ArrayGeometry.of(layer), config, batch)
    run = schedule.runs[0]
    if len(schedule.runs) == 1 and layer.groups == 1 and not run.part.reshaped:
        packed = PackedLayer(ordered, config, run.plan, weight_words(ordered, config, run.plan))
        return Tiling(layer, order, config, batch, schedule, (PackedRun(run.part, packed),))
    words: dict[range, tuple[NDArray[np.uint64], ...]] = {}
    runs = tuple(_pack_run(ordered, config, run, words) for run in schedule.runs)
    return Tiling(layer, order, config, batch, schedule, runs)


def _pack_run(
    layer: CompressedLayer, config: ArrayConfig, run: PlannedRun, words: dict[range, tuple[NDArray[np.uint64], ...]]
) -> PackedRun:
    """Runs of the same filters share their weight words, which are encoded once."""
    part = part_layer(layer, run.part, run.plan.layout.geometry.pooled)
    if run.part.filters not in words:
        words[run.part.filters] = weight_words(part, config, run.plan)
    return PackedRun(run.part, PackedLayer(part, config, run.plan, words[run.part.filters]))
