"""How many weights each layer may keep: sensitivity of the layers, then proportional reduction (002 section 6.2)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.admm.split_variables import project_weights
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset, Split
from compress.methods.prune import cardinality_constraints, prune_admm
from compress.train.training import accuracy

__all__ = [
    "SCAN_ALPHAS",
    "Allocation",
    "Trial",
    "accuracy_after_admm",
    "accuracy_after_cutting",
    "allocate",
    "alphas_within",
    "reduce_proportionally",
    "scan_sensitivity",
]

SCAN_ALPHAS = (0.8, 0.6, 0.4, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02, 0.01, 0.005, 0.002)

Alphas = dict[str, float]
AccuracyOf = Callable[[Mapping[str, float]], float]
Sensitivity = dict[str, tuple[tuple[float, float], ...]]


@dataclass(frozen=True)
class Trial:
    """One set of alphas and the accuracy it gave."""

    factor: float
    alphas: Alphas
    accuracy: float
    accepted: bool


@dataclass(frozen=True)
class Allocation:
    """The smallest alphas found, and every trial on the way."""

    alphas: Alphas
    trials: tuple[Trial, ...]


def accuracy_after_cutting(network: nn.Module, split: Split) -> AccuracyOf:
    """Accuracy of a copy right after magnitude pruning, without training: quick, and pessimistic."""

    def measure(alphas: Mapping[str, float]) -> float:
        pruned = copy.deepcopy(network)
        project_weights(pruned, cardinality_constraints(pruned, alphas))
        return accuracy(pruned, split)

    return measure


def accuracy_after_admm(network: nn.Module, dataset: Dataset, config: AdmmConfig) -> AccuracyOf:
    """Validation accuracy of a copy after ADMM and retraining: what counts, and as slow as that."""

    def measure(alphas: Mapping[str, float]) -> float:
        pruned = copy.deepcopy(network)
        prune_admm(pruned, dataset, alphas, config)
        return accuracy(pruned, dataset.validation)

    return measure


def scan_sensitivity(
    names: Sequence[str],
    accuracy_of: AccuracyOf,
    alphas: Sequence[float] = SCAN_ALPHAS,
    stop_below: float = 0.0,
) -> Sensitivity:
    """For each layer, pruned alone: (alpha, accuracy) with falling alpha.

    Parameters
    ----------
    accuracy_of : callable
        Accuracy at given alphas; layers left out are dense.
    stop_below : float
        A layer's scan ends with the first accuracy below it.
    """
    scan: Sensitivity = {}
    for name in names:
        points: list[tuple[float, float]] = []
        for alpha in sorted(alphas, reverse=True):
            points.append((alpha, accuracy_of({name: alpha})))
            if points[-1][1] < stop_below:
                break
        scan[name] = tuple(points)
    return scan


def alphas_within(scan: Sensitivity, floor: float) -> Alphas:
    """For each layer the smallest alpha down to which every scanned accuracy is at least ``floor``; 1.0 if none.

    >>> alphas_within({"conv1": ((0.5, 0.99), (0.2, 0.97), (0.1, 0.98))}, floor=0.98)
    {'conv1': 0.5}
    """
    result = {}
    for name, points in scan.items():
        result[name] = 1.0
        for alpha, reached in points:
            if reached < floor:
                break
            result[name] = alpha
    return result


def reduce_proportionally(
    initial: Mapping[str, float], accuracy_of: AccuracyOf, floor: float, steps: int = 6, largest_cut: float = 64.0
) -> Allocation:
    """Multiply all alphas by one factor, the smallest that keeps ``accuracy_of`` at ``floor`` (002 section 6.2).

    If the initial alphas keep it, the factor is searched in [1 / largest_cut, 1]; if not, alphas are raised, by
    factors up to ``largest_cut``, alphas of 1 standing still. The search halves the interval of log(factor)
    ``steps`` times. Layers with alpha 1 stay dense.

    Raises
    ------
    CodesignError
        Even the largest factor, at which nearly all is dense, misses the floor.
    """
    if steps < 1 or largest_cut <= 1:
        raise CodesignError(
            f"{steps} steps within a factor {largest_cut} find nothing", "use at least 1 step, factor > 1"
        )
    trials: list[Trial] = []

    def accepts(factor: float) -> bool:
        alphas = {name: min(1.0, alpha * factor) if alpha < 1 else 1.0 for name, alpha in initial.items()}
        reached = accuracy_of(alphas)
        trials.append(Trial(factor, alphas, reached, reached >= floor))
        return trials[-1].accepted

    low, high = (1 / largest_cut, 1.0) if accepts(1.0) else (1.0, largest_cut)
    if high > 1 and not accepts(high):
        raise CodesignError(
            f"accuracy stays below {floor} even at {largest_cut:g} times the initial weights",
            "lower the floor, start from larger alphas, or train longer",
        )
    for _ in range(steps):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if accepts(middle) else (middle, high)
    best = min((trial for trial in trials if trial.accepted), key=lambda trial: trial.factor)
    return Allocation(best.alphas, tuple(trials))


def allocate(
    names: Sequence[str], quick: AccuracyOf, thorough: AccuracyOf, floor: float, quick_floor: float, steps: int = 6
) -> Allocation:
    """Scan with a quick measure for the layers' proportions, then reduce them together by a thorough one."""
    scan = scan_sensitivity(names, quick, stop_below=quick_floor)
    return reduce_proportionally(alphas_within(scan, quick_floor), thorough, floor, steps)
