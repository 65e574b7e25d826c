"""Measure every layer's break-even curve (003 section 5.1), with the masks magnitude gives the trained layer."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from joblib import Parallel, delayed
from torch import Tensor

from codesign.loop.figures import BreakEvenResult, LayerCurve, TechnologyFigures
from codesign.loop.file_names import NETWORK
from codesign.loop.inputs import Inputs, Work
from codesign.settings.data import Data
from codesign.settings.hardware import HardwareSection, reference_array
from codesign.settings.layers import WeightBits, geometries
from codesign.settings.network_file import NetworkSource
from compress.base.digests import as_json
from compress.base.progress import Update
from compress.base.sources import source_digest
from compress.lowering.fusion import layer_pools
from compress.networks.capture.capture import capture
from compress.networks.fold import fold_batch_norms
from compress.networks.layers import prunable_layers
from compress.sets.masks import magnitude_mask
from compress.train.checkpoint import digest
from flows.search.break_even import BreakEvenCurve, break_even_curve
from flows.search.layer_load import LayerLoad, Mask
from flows.technology.technology import Technology
from rtl.config import ArrayConfig
from rtl.formats.registry import parse_index
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.pooling import array_window

__all__ = ["BreakEvenResult", "BreakEvenSettings", "run"]


@dataclass(frozen=True)
class BreakEvenSettings:
    """The reference array in a technology, and the pruned portions to measure."""

    network: NetworkSource
    data: Data
    hardware: HardwareSection
    technology: Technology
    bits: WeightBits
    portions: tuple[float, ...]


@dataclass(frozen=True)
class _Task:
    """One layer's curve: a result of its own, kept as soon as it is measured."""

    layer: LayerLoad
    weight: Tensor
    reference: ArrayConfig
    technology: Technology
    indices: tuple[str, ...]
    portions: tuple[float, ...]

    @property
    def key(self) -> Any:
        """Everything that the curve depends on."""
        return {
            "part": "break-even curve",
            "source": source_digest(__name__),
            "layer": [self.layer.name, self.layer.batch, as_json(self.layer.geometry)],
            "weight": digest({"weight": self.weight}),
            "reference": self.reference.to_dict(),
            "technology": as_json(self.technology),
            "indices": list(self.indices),
            "portions": list(self.portions),
        }

    def measure(self) -> tuple[_Task, BreakEvenCurve]:
        """The curve, and of which task it is; runs in a process of its own."""
        formats = [parse_index(text) for text in self.indices]
        return self, break_even_curve(self.layer, self._mask, self.reference, self.technology, formats, self.portions)

    def _mask(self, pruned_portion: float) -> Mask:
        """(K, C / groups, R, S): the largest weights stay, so a larger portion prunes a superset."""
        kept = magnitude_mask(self.weight, 1 - pruned_portion)
        return kept.reshape(self.layer.geometry.weight_shape).numpy()


def run(inputs: Inputs, settings: BreakEvenSettings, work: Work) -> BreakEvenResult:
    """Measure the curves that are not kept yet, several at a time."""
    tasks = _tasks(inputs, settings)
    kept = {task.layer.name: work.parts.get(task.key) for task in tasks}
    curves = {name: curve for name, curve in kept.items() if curve is not None}
    missing = sorted((task for task in tasks if task.layer.name not in curves), key=lambda task: -task.weight.numel())
    for task, curve in _in_parallel(missing):
        curves[task.layer.name] = work.parts.put(task.key, curve.to_dict())
        work.progress(Update("layers measured", len(curves), len(tasks)))
    return BreakEvenResult(
        technology=TechnologyFigures.of(settings.technology),
        curves=tuple(LayerCurve.from_json(curves[task.layer.name]) for task in tasks),
    )


def _tasks(inputs: Inputs, settings: BreakEvenSettings) -> list[_Task]:
    """A task a layer, in the network's order."""
    network, input_shape = settings.network.read(inputs.path(NETWORK)), settings.data.load().input_shape
    layers = geometries(network, input_shape)
    reference = reference_array(settings.hardware, layers, settings.bits.of(layers))
    pools = layer_pools(capture(fold_batch_norms(network, input_shape), input_shape))
    modules = prunable_layers(network)
    return [
        _Task(
            LayerLoad.unpruned(
                layer.name,
                ArrayGeometry.pooling(layer, array_window(pools[layer.name])),
                settings.hardware.batch_of(layer.kind),
            ),
            modules[layer.name].weight.detach(),
            reference,
            settings.technology,
            tuple(settings.hardware.indices),
            settings.portions,
        )
        for layer in layers
    ]


def _in_parallel(tasks: list[_Task]) -> Iterable[tuple[_Task, BreakEvenCurve]]:
    """Results as they come, on all cores."""
    if not tasks:
        return []
    jobs = min(len(tasks), os.cpu_count() or 1)
    measured: Iterable[tuple[_Task, BreakEvenCurve]] = Parallel(n_jobs=jobs, return_as="generator_unordered")(
        delayed(task.measure)() for task in tasks
    )
    return measured
