from typing import Any

import pytest

from benchmarks.compression.goals import goals_of

TRIAL = {
    "validation_accuracy": 0.7,
    "validation_before": 0.71,
    "dense_accuracy": 0.78,
    "epochs": 4,
    "train_images": 20_000,
    "residual": 0.01,
}


def pruned(network: str, ratio: float, accuracy: float, seed: int = 0) -> dict[str, Any]:
    return {"network": network, "method": "admm", "seed": seed, "pruning_ratio": ratio, "test_accuracy": accuracy}


def trial(group: str, label: str, method: str, accuracy: float, **changes: Any) -> dict[str, Any]:
    about = {"group": group, "label": label, "method": method, "test_accuracy": accuracy, "pruning_ratio": 2.0}
    return {**TRIAL, **about, **changes}


def lines_of(results: list[dict[str, Any]], trials: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {line["name"]: line for line in goals_of({"results": results, "trials": trials})}


def test_without_figures_nothing_is_measured() -> None:
    lines = lines_of([], [])
    assert len(lines) == 7
    assert {line["verdict"] for line in lines.values()} == {"not measured"}
    assert all(line["value"] is None and line["detail"] for line in lines.values())


def test_a_ratio_is_the_largest_whose_mean_reaches_the_accuracy() -> None:
    results = [pruned("lenet5", 305, 0.993), pruned("lenet5", 400, 0.9915), pruned("lenet-300-100", 95, 0.985)]
    lines = lines_of(results, [])
    values = [line["value"] for name, line in lines.items() if "mean test accuracy" in name]
    assert values == [95, 305, 400]
    assert [line["verdict"] for line in lines.values()][:3] == ["goal met", "met", "missed"]


def test_of_admms_trials_the_one_that_validates_best_counts() -> None:
    trials = [
        trial("few-epochs", "projected gradient", "projected", 0.75, residual=None),
        trial("few-epochs", "first", "admm", 0.79, validation_accuracy=0.6),
        trial("few-epochs", "second", "admm", 0.74, validation_accuracy=0.8),
    ]
    (line,) = (line for name, line in lines_of([], trials).items() if "MobileNetV3" in name)
    assert line["value"] == pytest.approx(-1)
    assert line["verdict"] == "missed"
    assert "second, residual 0.01" in line["detail"]


def test_one_shot_compares_uniform_pruning_with_batch_norms_as_they_were() -> None:
    found = {"magnitude": {"as they were": 0.5, "recalibrated": 0.7}, "layer-wise": {"as they were": 0.88}}
    trials = [
        trial("one-shot", f"{method}, layer, {norms}", method, accuracy, pruning_ratio=1 / 0.3)
        for method, accuracies in found.items()
        for norms, accuracy in accuracies.items()
    ]
    lines = [line for name, line in lines_of([], trials).items() if "without training" in name]
    assert [line["value"] for line in lines] == [None, pytest.approx(38)]
    assert lines[1]["verdict"] == "goal met"


def test_a_loss_is_better_when_it_is_lower() -> None:
    for accuracy, verdict in ((0.7751, "goal met"), (0.7721, "met"), (0.76, "missed")):
        lines = lines_of([], [trial("fashion", "x", "admm", accuracy)])
        (line,) = (line for name, line in lines.items() if "Fashion" in name)
        assert line["verdict"] == verdict
