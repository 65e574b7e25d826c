"""Pruning and quantization in one ADMM run: split variables Z and Y, duals U and V at once (000 eq. (4)-(13))."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from compress.admm import AdmmConfig, admm
from compress.chain import prunable_layers
from compress.checkpoint import Checkpoint, describe_run
from compress.constraints import Levels, LevelsOrZero, search_interval
from compress.data import Dataset
from compress.errors import CodesignError
from compress.patterns import by_layer
from compress.progress import Progress
from compress.prune import PruneResult, cardinality_constraints, nonzero_masks
from compress.quantize import PORTIONS, QuantizeResult, check_portions, quantize_in_portions
from compress.running import on_device
from compress.split import Constraint, project_weights

__all__ = ["JointResult", "compress_jointly"]


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
    check_portions(portions)
    bits = by_layer(prunable_layers(network), weight_bits)
    run = describe_run("joint", network, dataset, config, alphas=dict(alphas), bits=bits, portions=list(portions))
    store = None if checkpoint is None else Checkpoint(checkpoint, run)
    with on_device(network, config.device):
        sparse = cardinality_constraints(network, alphas, config.sparsity_rise)
        quantized = _level_constraints(network, sparse, bits)
        history = admm(
            network, dataset, [*sparse, *quantized], config, checkpoint=store, stage="joint", progress=progress
        )
        project_weights(network, sparse)
        masks = nonzero_masks(network, [constraint.name for constraint in sparse])
        intervals = {c.name: c.target.interval for c in quantized if isinstance(c.target, LevelsOrZero)}
        device = next(network.parameters()).device
        sets = {name: Levels(bits[name], intervals[name], mask.to(device)) for name, mask in masks.items()}
        result = quantize_in_portions(network, dataset, sets, config, history, store, progress, portions=portions)
    return JointResult(PruneResult(masks, history, result.retraining), result)


def _level_constraints(network: nn.Module, sparse: list[Constraint], bits: Mapping[str, int]) -> list[Constraint]:
    targets = {constraint.name: constraint.target_at(1.0) for constraint in sparse}
    constraints = []
    for name, layer in prunable_layers(network).items():
        if name not in bits:
            raise CodesignError(f"layer {name!r} has no weight_bits", "give bits for every Conv2d and Linear layer")
        kept = targets[name].project(layer.weight.detach()) if name in targets else layer.weight
        target = LevelsOrZero(bits[name], search_interval(kept, bits[name]))
        constraints.append(Constraint((name,), target))
    return constraints
