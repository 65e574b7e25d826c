"""Whole networks with masks of their own: what an array of 4 x 16 is judged by first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.array.cases import Case, group_masks, layer_sizes
from benchmarks.array.deep_compression import read_masks
from benchmarks.papers import ALEXNET_LAYERS, ALEXNET_MACS, ALEXNET_SPEEDUPS
from benchmarks.published import published_file
from compress.data.datasets import Split
from compress.lowering.integerize import integerize
from compress.methods.post_training import round_weights
from compress.model.layer import LayerKind
from compress.networks.capture.geometries import layer_geometries
from compress.networks.layers import LayerGeometry
from compress.networks.registry import build_network
from compress.networks.squeezenet import squeezenet
from compress.networks.weights.fit import load_weights
from flows.search.layer_load import LayerLoad
from sim.mapping.geometry import ArrayGeometry

__all__ = ["LINEAR_BATCH", "NETWORKS", "NetworkCase"]

LINEAR_BATCH = 16
RESNET_DENSITY = 0.15
SEED = 0


@dataclass(frozen=True)
class NetworkCase:
    """Layers that share one array of ``rows`` x 16.

    Members
    -------
    files : tuple of str
        Published files that it needs; without them it is not measured.
    loads : function
        The layers, from the files.
    """

    name: str
    about: str
    loads: Callable[[Sequence[Path]], list[LayerLoad]]
    files: tuple[str, ...] = ()
    rows: int = 4
    weight_bits: int = 8

    def paths(self) -> list[Path]:
        """The files; a CodesignError where one is missing."""
        return [published_file([name]) for name in self.files]


def _squeezenet(files: Sequence[Path]) -> list[LayerLoad]:
    with torch.device("meta"):
        sizes = layer_geometries(squeezenet(), (3, 227, 227))
    masks = read_masks(files[0], [layer.weight_shape for layer in sizes])
    return [LayerLoad(layer.name, _geometry(layer), mask) for layer, mask in zip(sizes, masks, strict=True)]


def _lenet(files: Sequence[Path]) -> list[LayerLoad]:
    """Through the integers, which leave out filters without weights; the images make no difference to the masks."""
    network: nn.Module = build_network("lenet5", 0)
    load_weights(network, files[0])
    rng = torch.Generator().manual_seed(SEED)
    images = Split(torch.rand(64, 1, 28, 28, generator=rng), torch.zeros(64, dtype=torch.int64))
    model = integerize(network, round_weights(network, {"*": 8}), images, (1, 28, 28))
    return [
        LayerLoad(
            layer.name,
            ArrayGeometry.of(layer),
            layer.levels != 0,
            LINEAR_BATCH if layer.kind is LayerKind.LINEAR else 1,
        )
        for layer in model.layers
    ]


def _resnet50(files: Sequence[Path]) -> list[LayerLoad]:
    """Every size of a 1x1 or 3x3 convolution once."""
    with torch.device("meta"):
        sizes = layer_geometries(build_network("resnet50", 0), (3, 224, 224))
    rng = np.random.default_rng(SEED)
    found: dict[tuple[object, ...], LayerGeometry] = {}
    for layer in sizes:
        if layer.kind is LayerKind.CONV2D and layer.weight_shape[2:] in ((1, 1), (3, 3)):
            found.setdefault((layer.weight_shape, layer.input_shape, layer.stride), layer)
    return [
        LayerLoad(layer.name, _geometry(layer), rng.random(layer.weight_shape) < RESNET_DENSITY)
        for layer in found.values()
    ]


def _alexnet(densities: Mapping[str, float], mask: str, rows: int, files: Sequence[Path]) -> list[LayerLoad]:
    cases = [Case(name, density, mask, rows=rows) for name, density in densities.items()]
    sizes = [layer_sizes(case.layer) for case in cases]
    return [
        LayerLoad(case.layer, _geometry(layer), np.concatenate(group_masks(layer, case)))
        for case, layer in zip(cases, sizes, strict=True)
    ]


def _geometry(sizes: LayerGeometry) -> ArrayGeometry:
    return ArrayGeometry(
        sizes.weight_shape,
        sizes.input_shape,
        sizes.stride,
        sizes.padding,
        sizes.groups,
        dilation=sizes.dilation,
        padding_end=sizes.padding_end,
    )


CONVOLUTIONS = {name: layer.density for name, layer in ALEXNET_LAYERS.items()}


def _of_table_8(method: str) -> dict[str, float]:
    kept, dense = ALEXNET_MACS[method], ALEXNET_MACS["AlexNet"]
    return {name: kept[name] / dense[name] for name in dense}


NETWORKS = (
    NetworkCase(
        "squeezenet",
        "SqueezeNet v1.0 as published pruned and clustered to 8 bits by Deep Compression: real masks",
        _squeezenet,
        ("squeezenet_deep_compression.net",),
    ),
    NetworkCase(
        "lenet5-71x",
        "LeNet-5 as published pruned 71x by ADMM, filters without weights left out; Linear layers 16 samples at a time",
        _lenet,
        ("lenet5_admm_projected_71x.npz",),
    ),
    NetworkCase("resnet50-15", "ResNet-50's 1x1 and 3x3 layers, each size once, random masks of 15 %", _resnet50),
    *(
        NetworkCase(
            f"conv4-{rows}-rows",
            f"AlexNet CONV4 at Table 8's density, random, {rows} rows",
            partial(_alexnet, {"conv4": CONVOLUTIONS["conv4"]}, "random", rows),
            rows=rows,
        )
        for rows in (16, 32)
    ),
    *(
        NetworkCase(
            f"uneven-{rows}-rows",
            f"AlexNet CONV2-5 at Table 8's densities, uneven masks, {rows} rows",
            partial(_alexnet, CONVOLUTIONS, "uneven", rows),
            rows=rows,
        )
        for rows in (4, 8)
    ),
    *(
        NetworkCase(
            f"alexnet-{method.lower()}",
            f"AlexNet CONV1-5, random masks of the densities in 003 Table 8: {method}",
            partial(_alexnet, _of_table_8(method), "random", 4),
        )
        for method in ALEXNET_SPEEDUPS
    ),
    NetworkCase(
        "random-4-rows",
        "AlexNet CONV2-5 at Table 8's densities, random masks",
        partial(_alexnet, CONVOLUTIONS, "random", 4),
    ),
)
