"""The lines of the CIFAR-10 benchmark, each with the figure it takes from a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.goals import Goal

__all__ = ["goals_of"]

Result = Mapping[str, Any]


def goals_of(result: Result) -> list[dict[str, Any]]:
    """Every line with what was measured."""
    steps = {entry["name"]: entry for entry in result["steps"]}
    lines = [
        _accuracy(steps.get("90%"), "ResNet-20, 90 % pruned, 4-bit levels, 8-bit activations", 90.3, 91.0),
        _accuracy(steps.get("95%"), "ResNet-20, 95 % pruned, 4-bit levels, 8-bit activations", 88.5, 89.8),
        _accuracy(steps.get("80%"), "ResNet-20, 80 % pruned, mean bits <= 3, 8-bit activations", 91.0, 91.5),
        _file(steps.get("90%")),
        *(_untrained(result["untrained"], portion, *marks) for portion, marks in _LAYER_WISE.items()),
        _speed(result["speed"]),
    ]
    return [line.to_dict() for line in lines]


_LAYER_WISE: Mapping[float, tuple[float | None, float | None]] = {0.5: (None, None), 0.7: (1.0, 5.0)}


def _accuracy(entry: Result | None, name: str, must: float, goal: float) -> Goal:
    def line(value: float | None, detail: str) -> Goal:
        return Goal(f"{name}: integer accuracy", "%", "higher", value, must, goal, detail)

    if entry is None:
        return line(None, "not trained yet")
    about = (
        f"one seed; {1 - 1 / entry['pruning_ratio']:.1%} pruned, {entry['mean_bits']:.2f} bits a kept weight; "
        f"float weights on their levels {entry['float_test_accuracy']:.2%}"
    )
    if "refused" in entry:
        return line(None, f"{about}; no integer model: {entry['refused']}")
    return line(100 * entry["integer_accuracy"], about)


def _file(entry: Result | None) -> Goal:
    def line(value: float | None, detail: str) -> Goal:
        return Goal("file of the 90 % model against float32, indices included", "x", "higher", value, 60, 80, detail)

    if entry is None:
        return line(None, "not trained yet")
    return line(
        entry["file_ratio"],
        f"{entry['packed_bytes']:,} bytes; levels alone {entry['data_ratio']:.1f}x; levels and the entropy of random "
        f"masks of these densities {entry['floor_ratio']:.1f}x",
    )


def _untrained(entries: list[Result], portion: float, must: float | None, goal: float | None) -> Goal:
    found = {entry["method"]: 100 * entry["test_accuracy"] for entry in entries if entry["portion"] == portion}
    name = f"ResNet-20, {portion:.0%} of every layer pruned without training: layer-wise ADMM over magnitude"
    if not {"layer-wise", "magnitude"} <= found.keys():
        return Goal(name, "points", "higher", None, must, goal, "not measured yet")
    better, base = found["layer-wise"], found["magnitude"]
    detail = ", ".join(f"{method}: {value:.2f} %" for method, value in found.items())
    return Goal(name, "points", "higher", better - base, must, goal, detail)


def _speed(found: Result) -> Goal:
    return Goal(
        "golden model, ResNet-20, images a second against torch's float, 2 threads",
        "ratio",
        "higher",
        found["ratio"],
        0.2,
        1.0,
        f"{found['golden_images_per_second']:.1f} against {found['torch_images_per_second']:.1f} images a second",
    )
