"""Networks on one array each; the searches themselves are tested in tests/flows/search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.array import network_cycles
from benchmarks.array.network_cycles import network_entry
from benchmarks.array.networks import NETWORKS, NetworkCase
from benchmarks.results import Results
from flows.search.layer_load import LayerLoad
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from sim.mapping.geometry import ArrayGeometry


@pytest.fixture(autouse=True)
def few_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_cycles, "CANDIDATES", (Dense(), Fixed(4)))
    monkeypatch.setattr(network_cycles, "CHAINS", ((1, 1), (1, 2)))
    monkeypatch.setattr(network_cycles, "REQUANTIZERS", (4, 16))


def loads(_: object) -> list[LayerLoad]:
    rng = np.random.default_rng(2)
    geometries = [ArrayGeometry((16, 8, 1, 1), (8, 12, 12)), ArrayGeometry((8, 8, 3, 3), (8, 12, 12), padding=(1, 1))]
    return [
        LayerLoad(f"conv{number}", geometry, rng.random(geometry.weight_shape) < 0.2)
        for number, geometry in enumerate(geometries)
    ]


def test_every_layer_runs_on_the_one_array(tmp_path: Path) -> None:
    entry = network_entry(NetworkCase("tiny", "made up", loads, rows=2, weight_bits=2), Results(tmp_path))
    assert (entry["sparse"]["format"], entry["dense"]["format"]) == ("fixed4", "dense")
    assert [layer["name"] for layer in entry["layers"]] == ["conv0", "conv1"]
    for layer in entry["layers"]:
        assert layer["speedup_times_density"] == pytest.approx(layer["speedup"] * layer["density"])
        assert 0.2 < layer["speedup_times_density"] <= 1.05
    total = sum(layer["cycles_sparse"] for layer in entry["layers"])
    assert entry["sparse"]["cycles_per_sample"] == total
    assert network_entry(NetworkCase("tiny", "made up", loads, rows=2, weight_bits=2), Results(tmp_path)) == entry


def test_a_missing_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODESIGN_MODELS", str(tmp_path))
    entry = network_entry(NETWORKS[0], Results(tmp_path))
    assert entry["missing"] == f"no squeezenet_deep_compression.net in {tmp_path}"


def test_networks_without_files_have_layers() -> None:
    by_name = {case.name: case for case in NETWORKS}
    assert len(by_name["resnet50-15"].loads([])) == 22
    assert [load.name for load in by_name["uneven-8-rows"].loads([])] == ["conv2", "conv3", "conv4", "conv5"]


def test_alexnets_masks_have_the_densities_of_the_paper() -> None:
    (case,) = (case for case in NETWORKS if case.name == "alexnet-wen")
    found = {load.name: float(load.mask.mean()) for load in case.loads([])}
    assert found == pytest.approx(
        {"conv1": 180 / 211, "conv2": 107 / 448, "conv3": 44 / 299, "conv4": 42 / 224, "conv5": 36 / 150}, abs=0.005
    )
