from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from codesign.cli.app import main
from codesign.loop.evaluate import MOST_IMAGES_AT_ONCE, evaluate_model, integer_accuracy
from compress.base.errors import CodesignError
from compress.data.datasets import load_dataset
from compress.model.compressed_model import CompressedModel
from compress.model.layer import LayerKind
from compress.model.model_file import save_model
from compress.model.requantization import Requantization
from compress.storage.packed_file import encode_weights, load_packed, save_packed
from compress.storage.sizes import model_storage
from compress.storage.values import PackedWeights
from sim.golden.golden import quantize_input, run_model
from tests.codesign.models import small_model
from tests.drawn import draw_levels, make_layer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_model(nearest_mean(), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def nearest_mean(seed: int = 0) -> CompressedModel:
    """Answers the digit whose mean image is nearest: levels 8 (m_c - m), where m_c and m are means of [0, 1]."""
    train = load_dataset("digits", 0).train
    means = torch.stack([train.images[train.labels == digit].flatten(1).mean(0) for digit in range(10)]).numpy()
    mean = means.mean(0)
    bias = -0.5 * ((means**2).sum(1) - (mean**2).sum()) * 8 * 255
    layer = make_layer(
        np.rint(8 * (means - mean)).astype(np.int16)[:, :, None, None],
        4,
        1,
        1,
        name="fc",
        kind=LayerKind.LINEAR,
        relu=False,
        bias=np.rint(bias).astype(np.int32),
        input_scale=1 / 255,
        requantization=Requantization.from_scale(1 / 160),
    )
    return CompressedModel.chain((layer,), {"data": "digits", "seed": seed})


def unfit_model(features: int = 64, outputs: int = 10) -> CompressedModel:
    """One linear layer on whole images."""
    levels = draw_levels((outputs, features, 1, 1), 4, 0.5, seed=5)
    layer = make_layer(levels, 4, 1, 1, name="fc", kind=LayerKind.LINEAR, relu=False)
    return CompressedModel.chain((layer,), {"data": "digits", "seed": 0})


def test_the_accuracy_is_that_of_the_golden_model_on_all_test_images(path: Path) -> None:
    model, test = nearest_mean(), load_dataset("digits", 0).test
    answers = run_model(model, quantize_input(model, test.images.numpy())).reshape(len(test), -1).argmax(axis=1)
    found = evaluate_model(path)
    assert found.test_images == len(test) > MOST_IMAGES_AT_ONCE
    assert found.correct == int((answers == test.labels.numpy()).sum())
    assert found.accuracy == integer_accuracy(model, test) == found.correct / len(test) > 0.8


def test_opposite_weights_answer_wrongly(path: Path) -> None:
    (layer,) = nearest_mean().layers
    opposite = replace(layer, levels=-layer.levels, bias=-layer.bias)
    save_model(CompressedModel.chain((opposite,), {"data": "digits", "seed": 0}), path)
    assert evaluate_model(path).accuracy < 0.1


def test_images_answered_one_by_one_are_answered_alike(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = evaluate_model(path)
    monkeypatch.setattr("codesign.loop.evaluate.ELEMENTS_AT_ONCE", 1)
    steps: list[int] = []
    assert evaluate_model(path, progress=lambda update: steps.append(update.done)) == found
    assert steps == list(range(1, found.test_images + 1))


def test_the_packed_bytes_are_those_of_the_packed_file(path: Path, tmp_path: Path) -> None:
    model, found = nearest_mean(), evaluate_model(path)
    header = save_packed(model.layers, tmp_path / "packed")
    assert found.packed_bytes == (tmp_path / "packed").stat().st_size
    assert found.packed_bytes == header + -(-found.storage.total_bits // 8)
    packed = load_packed(tmp_path / "packed")[0]
    assert isinstance(packed, PackedWeights)
    assert np.array_equal(packed.levels, model.layers[0].levels)


def test_the_seed_of_the_model_chooses_the_test_images(path: Path) -> None:
    found = evaluate_model(path)
    save_model(nearest_mean(seed=1), path)
    assert evaluate_model(path).correct != found.correct


def test_a_model_with_maps_is_evaluated(path: Path) -> None:
    save_model(small_model(), path)
    found = evaluate_model(path)
    assert found.packed_bytes == len(encode_weights(small_model().layers)[0])
    assert [layer.name for layer in found.storage.layers] == ["conv", "linear"]


def test_json_has_what_scripts_need(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, found = nearest_mean(), evaluate_model(path)
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", str(path), "--data", "digits", "--json"])
    assert stopped.value.code == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == found.to_dict()
    assert printed["accuracy"] == found.accuracy
    storage = model_storage(model.layers)
    assert (printed["data_ratio"], printed["total_ratio"]) == (storage.data_ratio, storage.total_ratio)
    kept, weights = sum(layer.nonzeros for layer in model.layers), sum(layer.levels.size for layer in model.layers)
    assert (printed["kept"], printed["weights"], printed["ratio"]) == (kept, weights, weights / kept)
    assert printed["bits_per_weight"] == printed["data_bits"] / kept
    assert printed["packed_ratio"] == 4 * weights / printed["packed_bytes"]
    for entry, layer in zip(printed["layers"], model.layers, strict=True):
        counts = {"kept": layer.nonzeros, "weights": layer.levels.size, "ratio": layer.levels.size / layer.nonzeros}
        assert entry == {"name": layer.name, "weight_bits": layer.weight_bits, **counts}


def test_the_text_tells_accuracy_weights_and_sizes(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", str(path)])
    printed, found = capsys.readouterr().out, evaluate_model(path)
    assert f"{found.accuracy:.2%} of 360 test images of digits" in printed
    assert f"{found.packed_bytes:,} bytes, {found.packed_ratio:,.1f} times" in printed
    assert f"{found.storage.bits_per_weight:.2f}" in printed
    assert all(layer.name in printed and f"{layer.nonzeros:,}" in printed for layer in found.storage.layers)


def test_a_model_without_weights_has_no_ratio(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_model(small_model(density=0.0), path)
    with pytest.raises(SystemExit):
        main(["evaluate", str(path), "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert printed["data_ratio"] is printed["ratio"] is None
    assert printed["bits_per_weight"] == 0
    assert printed["layers"][0]["ratio"] is None


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (CompressedModel.chain(small_model().layers, {}), "does not say which data"),
        (CompressedModel.chain(small_model().layers, {"data": "digits", "seed": "one"}), "not a whole number"),
        (unfit_model(features=65), r"reads images \(65,\), digits has \(1, 8, 8\)"),
        (unfit_model(outputs=9), "9 outputs, digits has labels up to 9"),
    ],
)
def test_a_model_that_the_data_does_not_fit_is_refused(path: Path, model: CompressedModel, told: str) -> None:
    save_model(model, path)
    with pytest.raises(CodesignError, match=told):
        evaluate_model(path)
