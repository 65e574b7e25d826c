"""A model as the state dict of its PyTorch network: pruned, quantized weights and biases as real numbers."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import torch as safetensors_torch

from compress.base.files import write_bytes
from compress.base.tensor_file import with_sorted_header
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer, LayerKind

__all__ = ["real_bias", "save_state_dict", "state_dict"]

Floats = NDArray[np.float32]


def state_dict(model: CompressedModel) -> dict[str, torch.Tensor]:
    """``<layer>.weight`` and ``<layer>.bias`` of every layer, float32, in the shapes of Conv2d and Linear.

    Weights are ``levels * interval``, bit for bit those of the quantized network. Biases are the integer layer's, so
    they differ from the network's by up to half an accumulator unit, ``interval * input_scale``. A network with batch
    norms takes them once these are folded: ``fold_batch_norms(network).load_state_dict(...)``. Every layer has a bias
    here, zeros where the network has none.
    """
    tensors = {}
    for layer in model.layers:
        tensors[f"{layer.name}.weight"] = torch.from_numpy(_weight(layer))
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
    sums_of_levels = layer.levels.reshape(len(layer.levels), -1).sum(axis=1, dtype=np.int64)
    codes = layer.bias + layer.input_zero_point * sums_of_levels
    return np.asarray(codes * accumulator_unit - layer.output_zero_point * layer.output_scale, np.float64)


def _weight(layer: CompressedLayer) -> Floats:
    weight: NDArray[Any] = layer.levels.astype(np.float32) * np.float32(layer.interval)
    return weight.reshape(weight.shape[:2]) if layer.kind is LayerKind.LINEAR else weight
