"""Every way to prune and quantize, by name: what a run file, the benchmarks and three lines of Python choose from.

A new pruning method is a file with a ``Recipe`` and a line in ``METHODS``; a new scope, schedule or set of values is
an object in ``scopes``, ``schedules`` or ``value_sets``.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.base.progress import Progress
from compress.data.datasets import Dataset
from compress.methods.baselines import prune_iteratively, prune_one_shot, prune_projected
from compress.methods.joint import JOINT
from compress.methods.layer_wise import prune_layer_wise
from compress.methods.progressive import PROGRESSIVE
from compress.methods.prune import PruningMethod, prune_to
from compress.methods.quantize import QuantizeResult
from compress.methods.recipe import Outcome, Recipe, Request, recipe_of
from compress.methods.schedules import SCHEDULES
from compress.methods.scopes import SCOPES, check_pattern
from compress.methods.target import Step, Target
from compress.methods.value_sets import VALUE_SETS, QuantizeRequest, on_live_channels
from compress.networks.checks import check_plain

__all__ = [
    "METHODS",
    "PRUNERS",
    "SCHEDULES",
    "SCOPES",
    "VALUE_SETS",
    "Outcome",
    "Step",
    "Target",
    "check_target",
    "prune",
    "quantize",
]

Entry = TypeVar("Entry")

PRUNERS: dict[str, PruningMethod] = {
    "admm": prune_to,
    "one-shot": prune_one_shot,
    "iterative": prune_iteratively,
    "projected": prune_projected,
}
"""The methods for any constraint sets, called alike: what a comparison at equal weights and epochs runs."""

METHODS: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        recipe_of("admm", "ADMM, hard projection, masked retraining", prune_to),
        recipe_of("one-shot", "prune the trained weights once, then retrain", prune_one_shot),
        recipe_of("iterative", "prune a part and retrain, five times (Han et al. 2015)", prune_iteratively),
        recipe_of("projected", "prune anew after every training step (projected gradient)", prune_projected),
        recipe_of("layer-wise", "least squares layer by layer from calibration images, then retrain", prune_layer_wise),
        PROGRESSIVE,
        JOINT,
    )
}
"""Pruning methods by name: what ``[compress] method`` of a run file chooses from."""


def prune(
    network: nn.Module,
    dataset: Dataset,
    method: str,
    target: Target,
    config: AdmmConfig,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Prune a trained network in place by a method of ``METHODS``.

    A network that branches is pruned too; ``integerize`` and the array take only a chain of layers, which
    ``compress.layer_geometries`` checks before anything is trained.

    ``prune(network, dataset, "iterative", Target(ratio=10, scope="network"), AdmmConfig(seed=3))``

    Parameters
    ----------
    config : AdmmConfig
        Of every method alike: its epochs, rate and seed; "progressive" has one in each of its steps instead.
    folder : Path, optional
        For checkpoints: the same call resumes from them, with identical results.

    Raises
    ------
    CodesignError
        What ``check_plain`` and ``check_target`` raise, an unknown layer, or a checkpoint that is damaged or another
        run's.
    """
    check_plain(network)
    check_target(method, target)
    if config.straight_through and not METHODS[method].quantizes:
        raise CodesignError(
            f"straight_through is of quantization, and method {method!r} only prunes", "give it to quantize"
        )
    return METHODS[method].run(Request(network, dataset, target, config, folder, progress))


def check_target(method: str, target: Target) -> None:
    """Raise a CodesignError where names are unknown, members contradict, or the method cannot reach such a target."""
    recipe = entry_of(METHODS, method, "method")
    entry_of(SCHEDULES, target.schedule, "schedule")
    entry_of(SCOPES, target.scope, "scope")
    if target.scope not in recipe.scopes:
        raise CodesignError(
            f"method {method!r} cannot count over scope {target.scope!r}",
            f"choose scope {' or '.join(map(repr, recipe.scopes))}, or another method",
        )
    if bool(target.steps) != recipe.stepwise:
        stepwise = ", ".join(repr(name) for name, other in METHODS.items() if other.stepwise)
        raise CodesignError(
            f"method {method!r} {'needs steps' if recipe.stepwise else 'takes no steps'}",
            f"steps are rising ratios of method {stepwise}; others take alphas or one ratio",
        )
    if any(step.ratio >= after.ratio for step, after in pairwise(target.steps)):
        raise CodesignError(
            f"the ratios {', '.join(f'{step.ratio:g}' for step in target.steps)} of the steps do not rise",
            "give each step a larger ratio than the one before",
        )
    check_pattern(target)


def quantize(
    network: nn.Module,
    dataset: Dataset,
    value_set: str,
    weight_bits: Mapping[str, int],
    config: AdmmConfig,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    *,
    compacted: bool = False,
) -> QuantizeResult:
    """Put a pruned network's nonzero weights, in place, on values of ``VALUE_SETS``; batch norms must be folded.

    A network that branches is quantized too; see ``prune``.

    ``quantize(network, dataset, "levels", {"*": 4}, AdmmConfig(iterations=20, retrain_epochs=8))``

    Parameters
    ----------
    weight_bits : mapping of layer name or pattern to 1..8
        For every prunable layer.
    compacted : bool
        Train without the channels that no weight reaches any more, as ``Recipe.compacts`` does.
    """
    check_plain(network)
    chosen = entry_of(VALUE_SETS, value_set, "set")
    request = QuantizeRequest(network, dataset, weight_bits, config, checkpoint, progress)
    return on_live_channels(request, chosen.run) if compacted else chosen.run(request)


def entry_of(entries: Mapping[str, Entry], name: str, what: str) -> Entry:
    """The entry called ``name``; a CodesignError with the names there are."""
    if name not in entries:
        raise CodesignError(f"there is no {what} {name!r}", f"choose from: {', '.join(entries)}")
    return entries[name]
