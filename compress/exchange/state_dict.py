"""A model as the state dict of its PyTorch network: pruned, quantized weights and biases as real numbers."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import torch as safetensors_torch

from compress.base.errors import CodesignError
from compress.base.files import write_bytes
from compress.base.tensor_file import with_sorted_header
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer, LayerKind
from compress.networks.layers import prunable_layers
from compress.networks.registry import NETWORKS

__all__ = ["real_bias", "save_state_dict", "state_dict"]

INSTEAD = "export it as npz, or take quantized.safetensors of the run that made it"

Floats = NDArray[np.float32]


def state_dict(model: CompressedModel) -> dict[str, torch.Tensor]:
    """``<layer>.weight`` and ``<layer>.bias`` of every layer, float32, in the shapes of Conv2d and Linear.

    Weights are ``levels * interval``, bit for bit those of the quantized network. Biases are the integer layer's, so
    they differ from the network's by up to half an accumulator unit, ``interval * input_scale``. A network with batch
    norms takes them once these are folded: ``fold_batch_norms(network, input_shape).load_state_dict(...)``. Every
    layer has a bias here, zeros where the network has none.

    Raises
    ------
    CodesignError
        Channels of a layer were folded away, so that its network could not load it. Or the model says that it was a
        network of ``NETWORKS``, and layers are missing or have other shapes there.
    """
    _check_unfolded(model)
    weights = {layer.name: _weight(layer) for layer in model.layers}
    _check_shapes(model.provenance.get("network"), {name: weight.shape for name, weight in weights.items()})
    tensors = {}
    for layer in model.layers:
        tensors[f"{layer.name}.weight"] = torch.from_numpy(weights[layer.name])
        tensors[f"{layer.name}.bias"] = torch.from_numpy(real_bias(layer).astype(np.float32))
    return tensors


def save_state_dict(model: CompressedModel, path: Path) -> None:
    """Write ``state_dict``: a ``.pt`` or ``.pth`` file for torch.load with ``weights_only``, else safetensors.

    The file appears whole or not at all, and one model gives one sequence of bytes.
    """
    tensors = state_dict(model)
    if path.suffix in (".pt", ".pth"):
        content = io.BytesIO()
        torch.save(tensors, content)
        write_bytes(path, content.getbuffer())
    else:
        write_bytes(path, with_sorted_header(safetensors_torch.save(tensors, {"format": "pt"})))


def real_bias(layer: CompressedLayer) -> NDArray[np.float64]:
    """(K,) biases in real units, without the zero points that the integer biases contain."""
    accumulator_unit = layer.interval * layer.input_scale
    return np.asarray((layer.bias - layer.zero_point_sums()) * accumulator_unit, np.float64)


def _check_unfolded(model: CompressedModel) -> None:
    for layer in model.layers:
        if layer.dense_shape is not None:
            raise CodesignError(
                f"channels of layer {layer.name!r} were folded away, so that its network could not load the model",
                INSTEAD,
            )


def _check_shapes(network: object, shapes: Mapping[str, tuple[int, ...]]) -> None:
    if not isinstance(network, str) or network not in NETWORKS:
        return
    with torch.device("meta"):
        layers = prunable_layers(NETWORKS[network]())
    wanted = {name: tuple(layer.weight.shape) for name, layer in layers.items()}
    for name in dict.fromkeys([*shapes, *wanted]):
        if shapes.get(name) != wanted.get(name):
            raise CodesignError(
                f"layer {name!r} is {shapes.get(name, 'missing')} in the model and {wanted.get(name, 'missing')} in "
                f"{network!r}, which could not load it",
                INSTEAD,
            )


def _weight(layer: CompressedLayer) -> Floats:
    weight: NDArray[Any] = layer.levels.astype(np.float32) * np.float32(layer.interval)
    return weight.reshape(weight.shape[:2]) if layer.kind is LayerKind.LINEAR else weight
