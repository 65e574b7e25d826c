"""What several stages derive from the run's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from codesign.loop.accumulators import widest_accumulator
from codesign.loop.batches import samples_at_a_time
from codesign.loop.network_file import load_network
from codesign.loop.workspace import Workspace
from compress.base.errors import CodesignError
from compress.base.layer_settings import by_layer
from compress.data.datasets import Dataset, load_dataset
from compress.methods.presets import PRESETS, Preset, preset
from compress.model.layer import LayerKind, largest_level
from compress.networks.chain import LayerGeometry, layer_geometries, trace_chain
from compress.networks.fold import fold_batch_norms
from compress.networks.registry import NETWORKS
from compress.train.histograms import copy_weights, weight_histograms
from compress.train.settings import TORCH_THREADS
from flows.technology.technology import Technology, generic_technology, technology_from_liberty
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.pooling import Window, array_window

__all__ = [
    "TORCH_THREADS",
    "accumulator_bits",
    "batch_of",
    "check_layer_settings",
    "conv_geometry",
    "dense_array",
    "geometries",
    "given_alphas",
    "load_data",
    "read_network",
    "reference_array",
    "section",
    "technology",
    "three_moments",
    "weight_bits",
    "windows",
]


def section(workspace: Workspace, *names: str) -> dict[str, Any]:
    """JSON of the named sections of the settings, with the seed: what a stage's key is made from."""
    return workspace.config.model_dump(include={"seed", *names}, exclude={"data": {"title"}})


def load_data(workspace: Workspace) -> Dataset:
    """The run's data set."""
    data = workspace.config.data
    return load_dataset(data.name, workspace.config.seed, None if data.folder is None else Path(data.folder))


def read_network(workspace: Workspace, file: str = "network.safetensors") -> nn.Module:
    """A float network of the run."""
    torch.set_num_threads(TORCH_THREADS)
    return load_network(workspace.path(file), workspace.config.network.name)


def technology(workspace: Workspace) -> Technology:
    """The run's technology."""
    liberty = workspace.config.technology.liberty
    return generic_technology() if liberty is None else technology_from_liberty(liberty)


def geometries(network: nn.Module, input_shape: tuple[int, int, int]) -> list[LayerGeometry]:
    """The layers of the network as the array runs it, batch norms folded."""
    return layer_geometries(fold_batch_norms(network), input_shape)


def windows(network: nn.Module, input_shape: tuple[int, int, int]) -> dict[str, Window]:
    """By layer: the pooling window behind it that an array may do."""
    return {layer.name: array_window(layer.pool) for layer in trace_chain(fold_batch_norms(network), input_shape)}


def conv_geometry(layer: LayerGeometry, window: Window) -> ArrayGeometry:
    """A layer's sizes as the array sees them."""
    return ArrayGeometry.pooling(layer, window)


def batch_of(workspace: Workspace, kind: LayerKind) -> int:
    """Samples a layer runs at a time."""
    return samples_at_a_time(kind, workspace.config.hardware.linear_batch)


def weight_bits(workspace: Workspace, layers: list[LayerGeometry]) -> dict[str, int]:
    """Bits of every layer's levels: the layer's own, else the preset's, else those of all layers."""
    settings = workspace.config.compress
    _check_names(settings.layer_bits, layers, "compress.layer_bits")
    chosen = _preset(workspace)
    preset_bits = {} if chosen is None else by_layer((layer.name for layer in layers), chosen.weight_bits)
    bits = {**preset_bits, **settings.layer_bits}
    return {layer.name: bits.get(layer.name, settings.weight_bits) for layer in layers}


def given_alphas(workspace: Workspace, layers: list[LayerGeometry]) -> dict[str, float] | None:
    """Alpha of every layer where the run file gives them, itself or by a preset; None where they are searched."""
    settings = workspace.config.compress
    _check_names(settings.alpha or {}, layers, "compress.alpha")
    chosen = _preset(workspace)
    if settings.alpha is None and chosen is None:
        return None
    preset_alphas = {} if chosen is None else by_layer((layer.name for layer in layers), chosen.alphas)
    alphas = {**preset_alphas, **(settings.alpha or {})}
    return {layer.name: alphas.get(layer.name, 1.0) for layer in layers}


def check_layer_settings(workspace: Workspace, layers: list[LayerGeometry]) -> None:
    """Raise a CodesignError where the run file's alphas, bits or preset do not fit the network."""
    weight_bits(workspace, layers)
    given_alphas(workspace, layers)


def _preset(workspace: Workspace) -> Preset | None:
    """The run's preset, which must be for its network, or for one of the user's with the same layers."""
    name, network = workspace.config.compress.preset, workspace.config.network.name
    if name is None:
        return None
    chosen = preset(name)
    if network in NETWORKS and network != chosen.network:
        fitting = ", ".join(key for key, other in PRESETS.items() if other.network == network) or "none"
        raise CodesignError(
            f"preset {name!r} is for {chosen.network!r}, not for {network!r}", f"presets for {network}: {fitting}"
        )
    return chosen


def _check_names(given: dict[str, Any], layers: list[LayerGeometry], key: str) -> None:
    names = [layer.name for layer in layers]
    for name in given:
        if name not in names:
            raise CodesignError(f"{key} names layer {name!r}, which the network lacks", f"use: {', '.join(names)}")


def accumulator_bits(layer: LayerGeometry, bits: int, act_bits: int) -> int:
    """Signed bits that hold every filter of the layer before its weights are known, with a bias of the same size.

    2 * positions * (largest level) * (largest activation), and a sign.
    """
    positions = layer.weights // layer.weight_shape[0]
    return (2 * positions * largest_level(bits) * ((1 << act_bits) - 1)).bit_length() + 1


def reference_array(workspace: Workspace, layers: list[LayerGeometry]) -> ArrayConfig:
    """The dense array whose area is the budget, before weights are known; its widths hold every layer."""
    act_bits, bits = workspace.config.hardware.act_bits, weight_bits(workspace, layers)
    acc_bits = widest_accumulator({layer.name: accumulator_bits(layer, bits[layer.name], act_bits) for layer in layers})
    return dense_array(workspace, max(bits.values()), acc_bits)


def dense_array(workspace: Workspace, weight_bits: int, acc_bits: int) -> ArrayConfig:
    """The run's dense array, with codes and accumulators of so many bits."""
    hardware = workspace.config.hardware
    return ArrayConfig(
        rows=hardware.rows,
        lanes=hardware.lanes,
        weight_bits=weight_bits,
        act_bits=hardware.act_bits,
        acc_bits=acc_bits,
        index=Dense(),
        requant_lanes=hardware.requant_lanes,
    )


def three_moments(
    before: Mapping[str, Tensor], after_admm: Mapping[str, Tensor], network: nn.Module
) -> list[dict[str, Any]]:
    """Histograms of each layer's weights before ADMM, after it, and after the retraining: ``network`` as it is now."""
    moments = {"before ADMM": before, "after ADMM": after_admm, "after retraining": copy_weights(network)}
    return [asdict(layer) for layer in weight_histograms(moments)]
