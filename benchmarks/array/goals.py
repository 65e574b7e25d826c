"""What the array should reach: two marks a figure, and the figure taken from a result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["GOALS", "Goal", "clock_ratio", "judged", "pruned_like_the_papers"]

Result = Mapping[str, Any]
PAPERS_BAND = (0.055, 0.08)  # Table 8's densities of CONV2-5 and what is drawn of them


@dataclass(frozen=True)
class Goal:
    """One line: ``must`` is required, ``target`` is wanted; a rising figure reaches what it is not below."""

    title: str
    figure: Callable[[Result], float | None]
    must: float
    target: float
    rising: bool = True
    unit: str = ""

    def reached(self, value: float, mark: float) -> bool:
        """Whether ``value`` is as good as ``mark``."""
        return value >= mark if self.rising else value <= mark


def judged(result: Result) -> list[dict[str, Any]]:
    """Every goal with its value, and ``met``, ``target met`` or ``missed``; ``not measured`` without a value."""
    lines = []
    for goal in GOALS:
        value = goal.figure(result)
        if value is None:
            verdict = "not measured"
        elif goal.reached(value, goal.target):
            verdict = "target met"
        else:
            verdict = "met, target missed" if goal.reached(value, goal.must) else "missed"
        lines.append(
            {"title": goal.title, "must": goal.must, "target": goal.target, "value": value, "unit": goal.unit}
            | {"sign": ">=" if goal.rising else "<=", "verdict": verdict}
        )
    return lines


def pruned_like_the_papers(entry: Mapping[str, Any]) -> bool:
    """Whether a layer has a density of 003 Table 8."""
    density: float = entry["density"]
    return PAPERS_BAND[0] <= density <= PAPERS_BAND[1]


def _product(mask: str, chosen: Callable[[Mapping[str, Any]], bool]) -> Callable[[Result], float | None]:
    def worst(result: Result) -> float | None:
        found = [entry for entry in result["layers"] if entry["mask"] == mask and chosen(entry)]
        return _least(entry["speedup_times_density"] for entry in found)

    return worst


def _asked(*densities: float) -> Callable[[Mapping[str, Any]], bool]:
    return lambda entry: entry.get("density_asked") in densities


def _used(result: Result, member: str, most: bool, widths: tuple[int, ...]) -> float | None:
    """The worst of the formats that some pruned layer runs best in."""
    used = {entry["format"] for entry in result["layers"]}
    found = [e[member] for e in result["area"] if e["format"] in used and e["weight_bits"] in widths]
    return (max if most else min)(found, default=None)


def clock_ratio(result: Result) -> float | None:
    """Sparse clock over dense clock: of 8- and 4-bit levels, and of the formats in use, the worst."""
    return _used(result, "clock_ratio", most=False, widths=(8, 4))


def _bits(result: Result) -> float | None:
    """At the density where the best format is worst."""
    best: dict[float, float] = {}
    for entry in result["bits_over_entropy"]:
        best[entry["density"]] = min(entry["bits_over_entropy"], best.get(entry["density"], float("inf")))
    return max(best.values(), default=None)


def _simulated(member: str, most: bool) -> Callable[[Result], float | None]:
    def figure(result: Result) -> float | None:
        found = [entry[member] for entry in result["rtl"] if entry["name"] == "conv4" and entry["mask"] != "dense"]
        return (max if most else min)(found, default=None)

    return figure


def _least(values: Iterable[float]) -> float | None:
    return min(values, default=None)


GOALS = (
    Goal("speedup x density, random masks of the papers' densities, worst layer",
         _product("random", pruned_like_the_papers), 0.90, 0.97),
    Goal("speedup x density, balanced masks, worst layer and density", _product("balanced", lambda _: True), 0.98, 1.0),
    Goal("speedup x density, random masks of 20 % and 50 %, worst layer",
         _product("random", _asked(0.2, 0.5)), 0.95, 0.99),
    Goal("MACs of the dense array that are needed, worst of CONV2-5",
         lambda result: _least(e["dense_utilization"] for e in result["layers"] if "density_asked" in e), 0.75, 0.85),
    Goal("logic of a sparse row over a dense one, 8-bit levels, worst format in use",
         lambda result: _used(result, "row_ratio", most=True, widths=(8,)), 1.08, 1.04, rising=False),
    Goal("clock over the dense array's, 8- and 4-bit levels, worst format in use", clock_ratio, 0.95, 1.0),
    Goal("stored bits a nonzero over n + H(p)/p, best format, worst density", _bits, 1.10, 1.04, rising=False),
    Goal("CONV4 on the Verilog, one image", _simulated("seconds", most=True), 300, 60, rising=False, unit=" s"),
    Goal("CONV4: simulation's seconds over the cycle model's", _simulated("model_speed_ratio", most=False),
         1000, 10000, unit="x"),
)  # fmt: skip
