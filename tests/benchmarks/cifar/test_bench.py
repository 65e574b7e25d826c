import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.cifar import dense, jobs
from benchmarks.cifar.goals import goals_of
from benchmarks.cifar.integers import sizes
from benchmarks.cifar.jobs import Chain
from benchmarks.cifar.recipes import STEPS, WAVES, quick
from benchmarks.cifar.tables import page
from benchmarks.cifar.trained import TrainedNetworks
from compress.base.errors import CodesignError
from compress.data.split import Dataset, Split
from compress.methods.post_training import round_weights
from compress.networks.fold import fold_batch_norms
from compress.networks.layers import prunable_layers
from compress.networks.registry import build_network


@pytest.fixture
def noise() -> Dataset:
    torch.manual_seed(0)
    parts = (Split(torch.rand(8, 3, 32, 32), torch.arange(8) % 10) for _ in range(3))
    return Dataset("noise", *parts)


@pytest.fixture
def chain(noise: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    """The benchmark's steps in one epoch each, on a few images of noise, from a random network."""
    monkeypatch.setattr(jobs, "dataset", lambda: noise)
    monkeypatch.setattr(jobs, "dense_network", lambda: build_network("resnet20", 0))
    return Chain({name: quick(step) for name, step in STEPS.items()}, TrainedNetworks(tmp_path))


def test_every_step_is_trained_once_and_after_the_one_it_starts_from() -> None:
    done: list[tuple[str, str]] = []
    for wave in WAVES:
        for kind, name in wave:
            after = STEPS[name].after
            needed = ("prune", name) if kind == "quantize" else after and ("prune", after)
            assert needed is None or needed in done
        done += wave
    assert sorted(done) == sorted((kind, name) for name in STEPS for kind in ("prune", "quantize"))


def test_a_step_is_pruned_quantized_and_then_there(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not chain.is_trained("prune", "90%")
    with pytest.raises(CodesignError, match="quantize 90% is not trained yet"):
        chain.facts("quantize", "90%")
    pruned, quantized = (chain.train(kind, "90%") for kind in ("prune", "quantize"))
    assert sum(pruned["kept"].values()) == round(pruned["weights"] / 10)
    network, found = chain.quantized("90%")
    for name, layer in prunable_layers(network).items():
        assert found.weight_bits[name] == 4
        levels = found.levels[name].float() * found.intervals[name]
        torch.testing.assert_close(layer.weight.detach(), levels)
    assert sizes(found)["kept"] == sum(quantized["kept"].values())
    monkeypatch.setattr(jobs, "prune_network", None)  # what is there is not trained again
    assert chain.train("prune", "90%")["kept"] == pruned["kept"]


def test_a_changed_setting_of_an_earlier_step_trains_the_later_ones_anew(chain: Chain) -> None:
    changed = dict(chain.steps)
    prune = {**changed["90%"].compress["prune"], "learning_rate": 0.5}
    changed["90%"] = replace(changed["90%"], compress={**changed["90%"].compress, "prune": prune})
    other = Chain(changed, chain.networks)
    for kind in ("prune", "quantize"):
        assert chain._settings(kind, "95%") != other._settings(kind, "95%")
        assert chain._settings(kind, "80%") == other._settings(kind, "80%")


def test_missing_weights_are_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODESIGN_MODELS", str(tmp_path))
    with pytest.raises(CodesignError, match=r"no resnet20-12fca82f\.npz or resnet20-12fca82f\.th in") as error:
        dense.weights_file()
    assert "CODESIGN_MODELS" in error.value.next_step
    (tmp_path / "resnet20-12fca82f.npz").touch()
    assert dense.weights_file().name == "resnet20-12fca82f.npz"


def test_sizes_count_every_weight_against_floats() -> None:
    network: nn.Module = fold_batch_norms(build_network("resnet20", 0), (3, 32, 32))
    found = sizes(round_weights(network, {"*": 8}))
    assert found["weights"] == found["kept"] == 268_336
    assert found["mean_bits"] == 8
    assert found["data_ratio"] == 4
    assert 3.9 < found["file_ratio"] < 4
    assert np.isclose(found["packed_bytes"] * found["file_ratio"], 4 * found["weights"])


def _result(**step: Any) -> dict[str, Any]:
    entry = {
        "name": "90%",
        "after": None,
        "weights": 1000,
        "kept": 100,
        "pruning_ratio": 10.0,
        "mean_bits": 4.0,
        "packed_bytes": 100,
        "file_ratio": 40.0,
        "data_ratio": 80.0,
        "floor_ratio": 41.0,
        "layers": [{"name": "conv1", "weights": 1000, "kept": 100, "bits": 4}],
        "pruned_test_accuracy": 0.91,
        "float_test_accuracy": 0.905,
        "epochs": {"prune": 11, "quantize": 5},
        "seconds": 600.0,
        "commits": {"prune": "abc", "quantize": "def"},
        **step,
    }
    untrained = [
        {"method": method, "portion": 0.7, "test_accuracy": accuracy}
        for method, accuracy in (("magnitude", 0.6), ("layer-wise", 0.64))
    ]
    result = {
        "command": "make bench-cifar",
        "commit": "abc",
        "seed": 0,
        "machine": {"jobs": 2},
        "versions": {"torch": "2.8"},
        "dense": {
            "test_accuracy": 0.9173,
            "validation_accuracy": 0.997,
            "images": {"train": 45834, "validation": 4166, "test": 10000},
        },
        "steps": [entry],
        "untrained": untrained,
        "speed": {"ratio": 0.25, "golden_images_per_second": 100.0, "torch_images_per_second": 400.0},
    }
    return {**result, "goals": goals_of(result)}


def test_goals_take_the_integer_accuracy_and_say_why_there_is_none() -> None:
    with_integers, without = (_result(**more)["goals"] for more in ({"integer_accuracy": 0.906}, {"refused": "why"}))
    assert with_integers[0]["value"] == pytest.approx(90.6)
    assert with_integers[0]["verdict"] == "met"
    assert (without[0]["value"], without[0]["verdict"]) == (None, "not measured")
    assert "no integer model: why" in without[0]["detail"]
    assert [line["verdict"] for line in with_integers[1:]] == [
        "not measured",
        "not measured",
        "missed",
        "not measured",
        "met",
        "met",
    ]


def test_the_page_has_every_figure() -> None:
    text = page(json.loads(json.dumps(_result(integer_accuracy=0.9061))))
    for figure in (
        "90.61%",
        "40.0x (100 bytes)",
        "90.0% (100 left)",
        "1.12",
        "trained at abc and def",
        "64.00%",
        "100.0 against 400.0",
    ):
        assert figure in text
    assert "–" in page(_result(refused="why"))
