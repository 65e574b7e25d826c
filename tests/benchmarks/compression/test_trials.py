from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.compression.starts import Normalized, Published, Start, dense_network, train_start
from benchmarks.compression.trial_list import LEVELS, TRIALS, quick_trial
from benchmarks.compression.trial_tables import SECTIONS, trial_sections
from benchmarks.compression.trials import MAGNITUDE, Quantized, Trial, run_trial
from benchmarks.results import Results
from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.methods.registry import METHODS, Target, check_target
from compress.networks.layers import prunable_layers
from compress.networks.registry import NETWORKS
from compress.train.training import TrainingConfig

START = Start("digits", "digits-net", "digits", TrainingConfig(epochs=2), images=200)
SHORT = AdmmConfig(iterations=2, retrain_epochs=1, tolerance=0)
FOURTH = Target(ratio=4.0, scope="network")
WEIGHTS = 144 + 4608 + 16384 + 320


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    made = Results(tmp_path_factory.mktemp("bench"))
    train_start(START, made)
    return made


def trial(method: str, **changes: object) -> Trial:
    return replace(Trial("some", f"{method} {sorted(changes)}", START, method, FOURTH, SHORT), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("method", "epochs"), [("admm", 3), ("projected", 3), ("layer-wise", 1), (MAGNITUDE, 0)])
def test_every_method_reaches_the_target(method: str, epochs: int, results: Results) -> None:
    found = run_trial(trial(method), results)
    assert found["pruning_ratio"] == WEIGHTS / round(WEIGHTS / 4)
    assert (found["epochs"], found["train_images"]) == (epochs, 200)
    assert 0 <= found["test_accuracy"] <= 1
    assert (found["residual"] is None) == (method != "admm")
    assert run_trial(trial(method), results) == found  # read back, seconds and all


def test_a_result_is_kept_under_its_settings_not_its_names(results: Results) -> None:
    first = run_trial(trial(MAGNITUDE), results)
    renamed = run_trial(replace(trial(MAGNITUDE), group="some", label=trial(MAGNITUDE).label), results)
    assert renamed == first
    assert run_trial(trial(MAGNITUDE, target=Target(ratio=8.0, scope="network")), results)["pruning_ratio"] > 7


def test_quantized_weights_and_their_archive_are_measured(results: Results) -> None:
    sizes = []
    for bits in (2, 4):
        quantized = Quantized("levels", bits, replace(LEVELS, iterations=1, retrain_epochs=1))
        found = run_trial(trial("admm", label=f"{bits} bits", quantized=quantized), results)
        assert 0 <= found["quantized_test"] <= 1
        sizes.append(found["archive_bytes"])
    assert sizes[0] < sizes[1]


def test_the_list_fits_its_methods_and_networks_and_no_line_twice() -> None:
    assert len({found.name for found in TRIALS}) == len(TRIALS)
    for found in TRIALS:
        assert found.start.network in NETWORKS
        if found.method != MAGNITUDE:
            assert found.method in METHODS
            check_target(found.method, found.target)
    assert {found.group for found in TRIALS} == {group for _, group, _ in SECTIONS}
    assert len({quick_trial(found).name for found in TRIALS}) == len(TRIALS)


def test_every_group_has_a_table_with_its_lines(results: Results) -> None:
    quantized = Quantized("levels", 2, replace(LEVELS, iterations=1, retrain_epochs=1))
    row = run_trial(trial("admm", label="2 bits", quantized=quantized), results)
    rows = [{**row, "group": group, "label": f"line of {group}", "commit": "abc1234"} for _, group, _ in SECTIONS]
    text = "\n".join(trial_sections(rows))
    for _, group, _ in SECTIONS:
        if group != "options":
            assert f"| line of {group} |" in text
    assert "| digits | line of options |" in text
    assert text.count("Measured at commit abc1234.") == len(SECTIONS)
    assert "\n".join(trial_sections([])).count("Not run.") == len(SECTIONS)


def test_published_weights_are_read_behind_their_normalization(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = dense_network(START, results)
    torch.save(network.state_dict(), tmp_path / "dense.pt")
    monkeypatch.setenv("CODESIGN_MODELS", str(tmp_path))
    published = replace(START, training=Published("dense.pt", (0.5,), (0.25,)))
    images = torch.rand(3, 1, 8, 8)
    found = dense_network(published, results)
    torch.testing.assert_close(found(images), network((images - 0.5) / 0.25))
    assert [name.removeprefix("body.") for name in prunable_layers(found)] == list(prunable_layers(network))
    assert published.missing() == ""
    assert "no other.pt" in replace(published, training=Published("other.pt", (0.5,), (0.25,))).missing()


def test_a_file_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CODESIGN_MODELS", raising=False)
    monkeypatch.delenv("CODESIGN_DATA", raising=False)
    with pytest.raises(CodesignError, match=r"no a\.npz in CODESIGN_MODELS"):
        Published("a.npz", (0.0,), (1.0,)).path()


def test_normalizing_is_no_layer() -> None:
    network = Normalized(nn.Sequential(nn.Conv2d(2, 3, 3)), (0.5, 0.25), (1.0, 2.0))
    assert [name for name, _ in network.named_parameters()] == ["body.0.weight", "body.0.bias"]
