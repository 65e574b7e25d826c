"""A model's layers as plain arrays in one ``.npz`` file, for programs that have numpy and nothing of ours."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.base.files import write_bytes
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer

__all__ = ["layer_arrays", "save_npz"]


def save_npz(model: CompressedModel, path: Path) -> None:
    """Write ``layers``, the layers' names in running order, and ``<layer>.<array>`` for each of ``layer_arrays``.

    ``numpy.load(path)`` reads it, ``allow_pickle`` is not needed. The file appears whole or not at all, and one model
    gives one sequence of bytes.
    """
    arrays: dict[str, NDArray[Any]] = {"layers": np.array([layer.name for layer in model.layers])}
    for layer in model.layers:
        arrays |= {f"{layer.name}.{name}": array for name, array in layer_arrays(layer).items()}
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    write_bytes(path, content.getbuffer())


def layer_arrays(layer: CompressedLayer) -> dict[str, NDArray[Any]]:
    """What a layer is made of, by name; single numbers are arrays without dimensions.

    ``levels`` int16 (K, C / groups, R, S), 0 where pruned, and ``interval`` float64: the real weight is
    ``levels * interval``. ``mask`` bool like the levels: which weights are kept. ``bias`` int32 (K,) in units of
    ``interval * input_scale``, with both zero points in it as in ``CompressedLayer``. Scales float64 and zero points
    of the input and the output: the real activation is ``scale * (code - zero_point)``. ``multiplier`` and ``shift``:
    an accumulator becomes ``(accumulator * multiplier + 2**(shift - 1)) >> shift``. ``padding`` is (rows, columns)
    before the first pixel and ``padding_end`` after the last, of ``input_zero_point``. The rest as in
    ``CompressedLayer``; pooling and the operations between layers are not in the file.
    """
    numbers = {
        "weight_bits": layer.weight_bits,
        "interval": layer.interval,
        "multiplier": layer.requantization.multiplier,
        "shift": layer.requantization.shift,
        "input_scale": layer.input_scale,
        "input_zero_point": layer.input_zero_point,
        "output_scale": layer.output_scale,
        "output_zero_point": layer.output_zero_point,
        "act_bits": layer.act_bits,
        "input_shape": layer.input_shape,
        "stride": layer.stride,
        "padding": layer.padding,
        "padding_end": layer.padding if layer.padding_end is None else layer.padding_end,
        "dilation": layer.dilation,
        "groups": layer.groups,
        "relu": layer.relu,
    }
    arrays = {name: np.array(number) for name, number in numbers.items()}
    return {"levels": layer.levels, "mask": layer.levels != 0, "bias": layer.bias, **arrays}
