"""Quantize a pruned network: ADMM with level sets, then portion by portion with retraining (000 Alg. 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from compress.admm.iteration import AdmmConfig, AdmmStep
from compress.admm.split_variables import Constraint
from compress.base.errors import CodesignError
from compress.base.layer_settings import by_layer
from compress.base.progress import Progress
from compress.data.datasets import Dataset
from compress.methods.session import Session, open_session
from compress.methods.straight_through import on_levels
from compress.networks.checks import check_plain
from compress.networks.layers import prunable_layers
from compress.sets.constraints import Levels, search_interval
from compress.sets.masks import complete_masks, hold_masked
from compress.sets.powers_of_two import PowersOfTwo, exponents_of, search_power_interval
from compress.sets.selection import largest_positions
from compress.train.checkpoint import digest
from compress.train.histograms import copy_weights
from compress.train.training import EpochRecord, FixedWeights

__all__ = [
    "PORTIONS",
    "QUANTIZE_CONFIG",
    "LevelSet",
    "QuantizeResult",
    "bits_of_layers",
    "check_portions",
    "equal_distance",
    "powers_of_two",
    "quantize_admm",
    "quantize_in_portions",
]

AnyLevels = Levels | PowersOfTwo
LevelSet = Callable[[Tensor, int, Tensor], AnyLevels]
"""The set of a layer, from its weight, its bits and its mask."""
PORTIONS = (0.5, 0.8, 0.95, 1.0)
QUANTIZE_CONFIG = AdmmConfig(iterations=20, retrain_epochs=8)  # shorter than pruning: the weights are close already


@dataclass(frozen=True, eq=False)
class QuantizeResult:
    """Levels and intervals by layer: the network's weights are now ``levels * interval``.

    Members
    -------
    levels : dict of int16 tensors
        In the weight's shape; 0 where pruned, never where kept.
    intervals : dict of float
        q, the distance of two levels.
    weight_bits : dict of int
    history : tuple of AdmmStep
    retraining : tuple of EpochRecord
        Of all the portions, one after the other.
    admm_weights : dict of float tensors
        By prunable layer, before the first portion was set on its levels.
    """

    levels: dict[str, Tensor]
    intervals: dict[str, float]
    weight_bits: dict[str, int]
    history: tuple[AdmmStep, ...]
    retraining: tuple[EpochRecord, ...]
    admm_weights: dict[str, Tensor] = field(default_factory=dict)


def quantize_admm(
    network: nn.Module,
    dataset: Dataset,
    masks: Mapping[str, Tensor],
    weight_bits: Mapping[str, int],
    config: AdmmConfig = QUANTIZE_CONFIG,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    *,
    portions: tuple[float, ...] = PORTIONS,
    level_set: LevelSet | None = None,
) -> QuantizeResult:
    """Quantize every Conv2d and Linear weight in place to levels without zero, equal-distance ones unless told.

    The interval of each layer is searched on its weights (``search_interval``) before ADMM and stays. After ADMM
    the closest portion of the weights is set on its levels and fixed, the rest is retrained, and so on; after the
    last portion only biases are left to retrain.

    Parameters
    ----------
    masks : mapping of layer name to bool tensor
        The weights kept by pruning. A layer without a mask keeps all, and all get a level, even an exact 0.0.
    weight_bits : mapping of layer name or pattern to 1..8
        For every prunable layer.
    portions : rising fractions
        Of each layer's kept weights, quantized after each step; the last is 1. Not with ``config.straight_through``.
    level_set : LevelSet, optional
        By default ``equal_distance``.

    Raises
    ------
    CodesignError
        Unknown or missing layer, bits out of range, or a checkpoint that is damaged or another run's.
    """
    check_plain(network)
    check_portions(portions)
    bits = bits_of_layers(network, weight_bits)
    full_masks = complete_masks(network, masks)
    set_of = equal_distance if level_set is None else level_set
    facts = {"bits": bits, "portions": list(portions), "masks": digest(full_masks), "levels": set_of.__name__}
    with open_session("quantize", network, dataset, config, checkpoint, progress, **facts) as run:
        held = hold_masked(network, full_masks)
        layers = prunable_layers(network)
        sets = {name: set_of(layers[name].weight, bits[name], mask) for name, mask in full_masks.items()}
        history = run.admm("quantize", [Constraint((name,), target) for name, target in sets.items()], held)
        return quantize_in_portions(run, sets, history, portions)


def quantize_in_portions(
    run: Session, sets: Mapping[str, AnyLevels], history: tuple[AdmmStep, ...], portions: tuple[float, ...]
) -> QuantizeResult:
    """Put weights that ADMM brought close to their levels on them, the closest first (000 Alg. 2, lines 12-18).

    With ``straight_through`` epochs all of them at once, and those epochs choose the levels.
    """
    admm_weights = copy_weights(run.network)
    weights = {name: run.network.get_parameter(f"{name}.weight") for name in sets}
    records: tuple[EpochRecord, ...] = ()
    if run.config.straight_through:
        with on_levels(run.network, sets):
            records += run.train("straight-through", run.config.straight_through)
        portions = (1.0,)
    fixed: dict[str, Tensor] = {}
    for portion in portions:
        for name, target in sets.items():
            fixed[name] = _quantize_closest(weights[name], target, portion, fixed.get(name))
        stage = f"retrain {portion:.0%} quantized"
        records += run.train(stage, run.config.retrain_epochs, fixed=FixedWeights(run.network, fixed))
    levels = {name: target.levels(weights[name]).cpu() for name, target in sets.items()}
    intervals = {name: target.interval for name, target in sets.items()}
    bits = {name: target.weight_bits for name, target in sets.items()}
    return QuantizeResult(levels, intervals, bits, history, records, admm_weights)


def bits_of_layers(network: nn.Module, weight_bits: Mapping[str, int]) -> dict[str, int]:
    """The bits of every prunable layer; a CodesignError for a layer without."""
    layers = prunable_layers(network)
    bits = by_layer(layers, weight_bits)
    for name in layers:
        if name not in bits:
            raise CodesignError(f"layer {name!r} has no weight_bits", "give bits for every Conv2d and Linear layer")
    return bits


def equal_distance(weight: Tensor, weight_bits: int, mask: Tensor) -> Levels:
    """All levels of ``weight_bits``."""
    return Levels(weight_bits, search_interval(weight, weight_bits), mask.to(weight.device))


def powers_of_two(weight: Tensor, weight_bits: int, mask: Tensor) -> PowersOfTwo:
    """A sign, and ``weight_bits - 1`` bits that say which power of two."""
    exponents = exponents_of(weight_bits)
    return PowersOfTwo(exponents, search_power_interval(weight, exponents), mask.to(weight.device))


@torch.no_grad()
def _quantize_closest(weight: nn.Parameter, target: AnyLevels, portion: float, fixed: Tensor | None) -> Tensor:
    """Set the closest kept weights on their levels, in place; returns the positions that now must not move."""
    kept = torch.ones_like(weight, dtype=torch.bool) if target.mask is None else target.mask
    projected = target.project(weight)
    closeness = 1 / (1 + (weight - projected).abs() / target.interval)
    if fixed is not None:
        closeness[fixed] = 2.0
    closeness[~kept] = 0.0
    quantized = largest_positions(closeness, round(portion * int(kept.sum())))
    weight.copy_(torch.where(quantized, projected, weight))
    return quantized | ~kept


def check_portions(portions: tuple[float, ...]) -> None:
    """Raise a CodesignError unless fractions rise from above 0 to 1."""
    if not portions or portions[-1] != 1 or list(portions) != sorted(set(portions)) or portions[0] <= 0:
        raise CodesignError(f"portions {portions} do not rise from above 0 to 1", "use for example 0.5, 0.8, 1")
