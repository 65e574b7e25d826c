"""Measure every layer's break-even curve (003 section 5.1), with the masks magnitude gives the trained layer."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from joblib import Parallel, delayed
from torch import Tensor

from codesign.loop.stage import Stage
from codesign.loop.stages import training
from codesign.loop.stages.common import (
    batch_of,
    conv_geometry,
    geometries,
    load_data,
    read_network,
    reference_array,
    section,
    technology,
    windows,
)
from codesign.loop.workspace import Workspace
from compress.base.progress import Update
from compress.methods.presets import preset
from compress.networks.chain import prunable_layers
from compress.sets.masks import magnitude_mask
from flows.search.break_even import break_even_curve
from flows.search.layer_load import LayerLoad, Mask
from rtl.formats.registry import parse_index

__all__ = ["STAGE"]


def _run(workspace: Workspace) -> None:
    network = read_network(workspace)
    input_shape = load_data(workspace).input_shape
    layers, pooled = geometries(network, input_shape), windows(network, input_shape)
    reference, library = reference_array(workspace, layers), technology(workspace)
    indices = [parse_index(text) for text in workspace.config.hardware.indices]
    portions = tuple(sorted(workspace.config.breakeven.portions))
    modules = prunable_layers(network)
    tasks = [
        delayed(break_even_curve)(
            LayerLoad.unpruned(layer.name, conv_geometry(layer, pooled[layer.name]), batch_of(workspace, layer.kind)),
            _MagnitudeMasks(modules[layer.name].weight.detach(), layer.weight_shape),
            reference,
            library,
            indices,
            portions,
        )
        for layer in sorted(layers, key=lambda layer: -layer.macs)
    ]
    curves = {}
    for done, curve in enumerate(_in_parallel(tasks), 1):
        curves[curve.layer] = curve
        workspace.console.progress(Update("layers measured", done, len(tasks)))
    ordered = [curves[layer.name].to_dict() for layer in layers]
    workspace.write_json("break_even.json", {"technology": library.describe(), "curves": ordered})


def _in_parallel(tasks: list[Any]) -> Any:
    return Parallel(n_jobs=min(len(tasks), os.cpu_count() or 1), return_as="generator_unordered")(tasks)


@dataclass(frozen=True)
class _MagnitudeMasks:
    """Masks of a trained layer that keep its largest weights; a larger portion prunes a superset."""

    weight: Tensor
    shape: tuple[int, int, int, int]

    def __call__(self, pruned_portion: float) -> Mask:
        return magnitude_mask(self.weight, 1 - pruned_portion).reshape(self.shape).numpy()


def _settings(workspace: Workspace) -> Any:
    compress = workspace.config.compress
    preset_bits = {} if compress.preset is None else preset(compress.preset).weight_bits
    return {
        **section(workspace, "network", "data", "hardware", "breakeven"),
        "technology": technology(workspace).describe(),
        "bits": [compress.weight_bits, compress.layer_bits, preset_bits],
    }


STAGE = Stage(
    name="break_even",
    title="measure the break-even curve of each layer",
    command="codesign breakeven",
    settings=_settings,
    inputs=("network.safetensors",),
    outputs=("break_even.json",),
    packages=("rtl", "sim", "flows"),
    run=_run,
    after=(training.STAGE,),
)
