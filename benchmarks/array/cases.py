"""The layers of `make bench-rtl`: AlexNet's CONV2-CONV5 at their real sizes, with masks of several kinds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.papers import ALEXNET_LAYERS
from compress.networks.capture.geometries import layer_geometries
from compress.networks.imagenet import alexnet
from compress.networks.layers import LayerGeometry
from compress.sets.balance import GroupCardinality
from compress.sets.selection import largest_positions
from sim.mapping.geometry import ArrayGeometry

__all__ = ["CASES", "MASKS", "Case", "Mask", "group_geometry", "group_masks", "layer_sizes"]

Mask = NDArray[np.bool_]

MASKS = {
    "random": "each weight is kept by its own throw",
    "initial": "the largest magnitudes of the layer as torch initializes it; those are independent too, so this is a "
    "random mask with an exact count",
    "uneven": "the largest magnitudes of normal weights times a log-normal factor (sigma 0.5) of each filter and of "
    "each channel: filters and channels of very different weight, made up",
    "balanced": "equally many nonzeros for each filter and row, at random positions "
    "(compress.sets.balance.GroupCardinality)",
}
UNEVENNESS = 0.5


@dataclass(frozen=True)
class Case:
    """One layer with one mask on an array of ``rows`` x ``lanes``; ``density`` is what is asked of the mask.

    ``simulated``: on the Verilog too, where the others have the cycle model's count.
    """

    layer: str
    density: float
    mask: str
    weight_bits: int = 8
    rows: int = 4
    lanes: int = 16
    seed: int = 0
    simulated: bool = False

    @property
    def name(self) -> str:
        """Unique, and fit for a file."""
        return f"{self.layer}-{self.mask}-{self.density:.4f}-{self.weight_bits}bit-{self.rows}x{self.lanes}-{self.seed}"


def _cases() -> tuple[Case, ...]:
    densities = {name: (paper.density, 0.2, 0.5) for name, paper in ALEXNET_LAYERS.items()}
    pruned = [
        Case(name, density, mask, bits, simulated=bits == 8 and density == ALEXNET_LAYERS[name].density)
        for bits in (8, 4)
        for name in densities
        for density in densities[name]
        for mask in MASKS
    ]
    return (*pruned, *(Case(name, density, "random") for name in densities for density in (0.9, 1.0)))


CASES = _cases()


@lru_cache
def layer_sizes(layer: str) -> LayerGeometry:
    """A layer of the papers' AlexNet, its groups as there; no weight is made."""
    with torch.device("meta"):
        return next(found for found in layer_geometries(alexnet(), (3, 227, 227)) if found.name == layer)


def group_geometry(sizes: LayerGeometry) -> ArrayGeometry:
    """One group of a layer: what the array runs at a time."""
    filters, channels, kernel_rows, kernel_columns = sizes.weight_shape
    _, height, width = sizes.input_shape
    shape = (filters // sizes.groups, channels, kernel_rows, kernel_columns)
    return ArrayGeometry(shape, (channels, height, width), sizes.stride, sizes.padding)


def group_masks(sizes: LayerGeometry, case: Case) -> list[Mask]:
    """(K / groups, C / groups, R, S) of each group."""
    shape = sizes.weight_shape
    if case.mask == "random":
        whole = np.random.default_rng(case.seed).random(shape) < case.density
    elif case.mask == "balanced":
        part = math.ceil(shape[1] / case.rows) * shape[2] * shape[3]
        kept = GroupCardinality(max(1, round(case.density * part)), case.rows).project(
            _initial_weights(sizes, case.seed)
        )
        whole = np.asarray(kept.numpy() != 0)
    else:
        make: Any = {"initial": _initial_weights, "uneven": _uneven_weights}[case.mask]
        count = round(case.density * sizes.weights)
        whole = np.asarray(largest_positions(make(sizes, case.seed), count).numpy())
    return np.split(whole, sizes.groups)


def _initial_weights(sizes: LayerGeometry, seed: int) -> Tensor:
    filters, channels, rows, columns = sizes.weight_shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Conv2d(channels * sizes.groups, filters, (rows, columns), groups=sizes.groups).weight.detach()


def _uneven_weights(sizes: LayerGeometry, seed: int) -> Tensor:
    rng = np.random.default_rng(seed)
    filters, channels = sizes.weight_shape[:2]
    scale = rng.lognormal(0, UNEVENNESS, (filters, 1, 1, 1)) * rng.lognormal(0, UNEVENNESS, (1, channels, 1, 1))
    return torch.from_numpy(rng.standard_normal(sizes.weight_shape) * scale)
