from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import numpy as np
from hypothesis import given

from compress.exchange.npz import layer_arrays, save_npz
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer
from tests.drawn import layers


def test_every_array_is_read_by_numpy_alone(model: CompressedModel, tmp_path: Path) -> None:
    save_npz(model, tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as file:
        assert file["layers"].tolist() == ["conv", "fc"]
        for layer in model.layers:
            for name, array in layer_arrays(layer).items():
                assert np.array_equal(file[f"{layer.name}.{name}"], array)
                assert file[f"{layer.name}.{name}"].dtype == array.dtype
        assert len(file.files) == 1 + 2 * len(layer_arrays(layer))


@given(layer=layers())
def test_a_layer_computes_alike_from_its_arrays(layer: CompressedLayer) -> None:
    arrays = layer_arrays(layer)
    assert np.array_equal(arrays["mask"], layer.levels != 0)
    scales = ("interval", "input_scale", "input_zero_point", "output_scale", "output_zero_point")
    members = ("weight_bits", *scales, "act_bits", "groups", "relu")
    assert {name: arrays[name].item() for name in members} == {name: getattr(layer, name) for name in members}
    for name in ("input_shape", "stride", "padding", "dilation"):
        assert tuple(arrays[name].tolist()) == getattr(layer, name)
    requantization = layer.requantization
    assert (arrays["multiplier"].item(), arrays["shift"].item()) == (requantization.multiplier, requantization.shift)


def test_the_bytes_do_not_depend_on_the_time(model: CompressedModel, tmp_path: Path) -> None:
    save_npz(model, tmp_path / "now.npz")
    with (
        patch("time.time", return_value=2e9),
        patch("time.localtime", return_value=(2033, 5, 18, 3, 33, 20, 2, 138, 0)),
    ):
        save_npz(model, tmp_path / "later.npz")
    assert (tmp_path / "now.npz").read_bytes() == (tmp_path / "later.npz").read_bytes()
