"""Pruning and quantization in one ADMM run: split variables Z and Y, duals U and V at once (000 eq. (4)-(13))."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.admm.split_variables import Constraint
from compress.base.progress import Progress
from compress.data.datasets import Dataset
from compress.methods.prune import PruneResult, cardinality_constraints, gradual, prune_hard, with_saliency
from compress.methods.quantize import PORTIONS, QuantizeResult, bits_of_layers, check_portions, quantize_in_portions
from compress.methods.recipe import Outcome, Recipe, Request
from compress.methods.scopes import SCOPES
from compress.methods.session import open_session
from compress.networks.checks import check_plain
from compress.networks.layers import prunable_layers
from compress.sets.constraints import Levels, LevelsOrZero, search_interval

__all__ = ["JOINT", "JointResult", "compress_jointly", "jointly_to"]


@dataclass(frozen=True, eq=False)
class JointResult:
    """The masks and the levels; both histories are the one run's."""

    pruned: PruneResult
    quantized: QuantizeResult


def compress_jointly(
    network: nn.Module,
    dataset: Dataset,
    alphas: Mapping[str, float],
    weight_bits: Mapping[str, int],
    config: AdmmConfig,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    *,
    portions: tuple[float, ...] = PORTIONS,
) -> JointResult:
    """Prune and quantize in place, with both constraints in every iteration.

    The W-step is 000 eq. (5), the Z- and Y-steps eq. (7) and (9), the U- and V-steps eq. (10) and (11), stopping on
    eq. (12) and (13). Then the weights are pruned, and put on their levels portion by portion with retraining.
    The interval of a layer is searched on the weights that its pruning would keep at the start, and stays.

    Parameters
    ----------
    alphas, weight_bits : mapping of layer name or pattern
        As in ``prune_admm`` and ``quantize_admm``.
    """
    check_plain(network)
    sparse = cardinality_constraints(network, alphas)
    return jointly_to(network, dataset, sparse, weight_bits, config, checkpoint, progress, portions=portions)


def jointly_to(
    network: nn.Module,
    dataset: Dataset,
    constraints: Sequence[Constraint],
    weight_bits: Mapping[str, int],
    config: AdmmConfig,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    *,
    portions: tuple[float, ...] = PORTIONS,
) -> JointResult:
    """``compress_jointly`` with any sparse sets, each on a layer of its own."""
    check_plain(network)
    check_portions(portions)
    bits = bits_of_layers(network, weight_bits)
    sparse = with_saliency(constraints, config.saliency)
    facts = {"kept": [repr(constraint) for constraint in sparse], "bits": bits, "portions": list(portions)}
    with open_session("joint", network, dataset, config, checkpoint, progress, **facts) as run:
        levels = _level_sets(network, sparse, bits)
        quantized = [Constraint((name,), target) for name, target in levels.items()]
        history = run.admm("joint", [*gradual(network, sparse, config.sparsity_rise), *quantized])
        masks = prune_hard(run, sparse)
        device = next(network.parameters()).device
        sets = {name: Levels(bits[name], levels[name].interval, mask.to(device)) for name, mask in masks.items()}
        result = quantize_in_portions(run, sets, history, portions)
    return JointResult(PruneResult(masks, history, result.retraining, result.admm_weights), result)


def _level_sets(network: nn.Module, sparse: list[Constraint], bits: Mapping[str, int]) -> dict[str, LevelsOrZero]:
    targets = {constraint.name: constraint.target_at(1.0) for constraint in sparse}
    sets = {}
    for name, layer in prunable_layers(network).items():
        kept = targets[name].project(layer.weight.detach()) if name in targets else layer.weight
        sets[name] = LevelsOrZero(bits[name], search_interval(kept, bits[name]))
    return sets


def _run(request: Request) -> Outcome:
    bits, checkpoint = request.target.weight_bits, request.checkpoint("joint.pt")
    found = jointly_to(
        request.network, request.dataset, request.constraints, bits, request.settings, checkpoint, request.progress
    )
    return Outcome(found.pruned, found.quantized.intervals)


JOINT = Recipe(
    "joint",
    "pruning and quantization in one ADMM run",
    _run,
    scopes=tuple(name for name in SCOPES if name != "network"),
    quantizes=True,
)
"""``compress_jointly`` by name."""
