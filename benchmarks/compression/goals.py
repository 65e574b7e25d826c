"""The lines of the compression benchmark, each with the figure it takes from a result."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean
from typing import Any

from benchmarks.compression.points import Entries, points_of
from benchmarks.compression.trial_list import FASHION, FEW_EPOCHS, ONE_SHOT
from benchmarks.goals import Goal

__all__ = ["best_point", "goals_of"]

Result = Mapping[str, Any]
RATIOS = (  # network, least accuracy, must, goal
    ("lenet-300-100", 0.984, 71, 90),
    ("lenet5", 0.992, 305, 350),
    ("lenet5", 0.990, 401, 450),
)
ONE_SHOT_MARKS: Mapping[int, tuple[float | None, float | None]] = {50: (None, None), 70: (1.0, 5.0)}


def goals_of(result: Result) -> list[dict[str, Any]]:
    """Every line with what was measured."""
    trials = result["trials"]
    lines = [
        *(_ratio(result["results"], *line) for line in RATIOS),
        _few_epochs([row for row in trials if row["group"] == FEW_EPOCHS]),
        *(_one_shot([row for row in trials if row["group"] == ONE_SHOT], *line) for line in ONE_SHOT_MARKS.items()),
        _fashion([row for row in trials if row["group"] == FASHION]),
    ]
    return [line.to_dict() for line in lines]


def best_point(entries: Entries, network: str, method: str, figure: str, floor: float) -> Entries | None:
    """The entries, one a seed, of the largest figure whose mean test accuracy reaches a floor."""
    points = points_of([entry for entry in entries if entry["network"] == network and entry["method"] == method])
    fitting = [point for point in points if mean(entry["test_accuracy"] for entry in point) >= floor]
    return max(fitting, key=lambda point: mean(entry[figure] for entry in point), default=None)


def _ratio(entries: Entries, network: str, floor: float, must: float, goal: float) -> Goal:
    name = f"{network} pruned, mean test accuracy >= {floor:.1%}"
    point = best_point(entries, network, "admm", "pruning_ratio", floor)
    if point is None:
        return Goal(name, "x", "higher", None, must, goal, "not measured")
    accuracies = ", ".join(f"{entry['test_accuracy']:.2%}" for entry in point)
    value = round(mean(entry["pruning_ratio"] for entry in point))
    return Goal(name, "x", "higher", value, must, goal, f"test accuracy of the seeds {accuracies}")


def _few_epochs(rows: Entries) -> Goal:
    name = "MobileNetV3-Small, half of each layer pruned, not retrained: ADMM ahead of projected gradient"
    projected = [row for row in rows if row["method"] == "projected"]
    admm = [row for row in rows if row["method"] == "admm"]
    if not projected or not admm:
        return Goal(name, "points", "higher", None, 0.0, 3.9, "not measured")
    best = max(admm, key=lambda row: float(row["validation_accuracy"]))  # chosen where it may be
    value = 100 * (best["test_accuracy"] - projected[0]["test_accuracy"])
    return Goal(
        name,
        "points",
        "higher",
        value,
        0.0,
        3.9,
        f"{best['test_accuracy']:.2%} ({best['label']}, residual {best['residual']:.2g}) against "
        f"{projected[0]['test_accuracy']:.2%}, dense {best['dense_accuracy']:.2%}; of the validation images "
        f"{best['validation_before']:.2%} before the hard projection and {best['validation_accuracy']:.2%} after it, "
        f"against {projected[0]['validation_accuracy']:.2%}; {best['epochs']} epochs each, "
        f"{best['train_images']:,} images, one seed",
    )


def _one_shot(rows: Entries, percent: int, marks: tuple[float | None, float | None]) -> Goal:
    name = f"ResNet-20, {percent} % of each layer pruned without training: layer-wise ADMM ahead of magnitude"
    found = {row["method"]: 100 * row["test_accuracy"] for row in rows if _plain(row, percent)}
    if len(found) < 2:
        return Goal(name, "points", "higher", None, *marks, "not measured")
    ahead = found["layer-wise"] - found["magnitude"]
    detail = f"{found['layer-wise']:.2f} % against {found['magnitude']:.2f} %; batch norms as they were"
    return Goal(name, "points", "higher", ahead, *marks, detail)


def _plain(row: Result, percent: int) -> bool:
    """Uniform, at this portion, batch norms not recalibrated."""
    told: str = row["label"]
    return round(100 * (1 - 1 / row["pruning_ratio"])) == percent and told.endswith("layer, as they were")


def _fashion(rows: Entries) -> Goal:
    name = "LeNet-5 on Fashion-MNIST at 50x: loss of test accuracy"
    if not rows:
        return Goal(name, "points", "lower", None, 1.0, 0.5, "not measured")
    row = rows[0]
    value = 100 * (row["dense_accuracy"] - row["test_accuracy"])
    detail = (
        f"dense {row['dense_accuracy']:.2%}, pruned {row['pruning_ratio']:.0f}x {row['test_accuracy']:.2%}, one seed"
    )
    return Goal(name, "points", "lower", value, 1.0, 0.5, detail)
