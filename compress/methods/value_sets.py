"""The values that kept weights end in, by name: levels or powers of two by ADMM, levels by rounding, clusters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.base.progress import Progress
from compress.data.datasets import Dataset
from compress.methods.cluster import cluster_admm
from compress.methods.post_training import levels_of, round_weights
from compress.methods.quantize import LevelSet, QuantizeResult, equal_distance, powers_of_two, quantize_admm
from compress.model.layer import MAX_WEIGHT_BITS
from compress.networks.compact import compact_chain
from compress.networks.layers import prunable_layers
from compress.sets.powers_of_two import exponents_of

__all__ = [
    "CLUSTERS",
    "LEVELS",
    "POWERS",
    "ROUNDED",
    "VALUE_SETS",
    "QuantizeRequest",
    "ValueSet",
    "on_live_channels",
]


@dataclass(frozen=True, eq=False)
class QuantizeRequest:
    """A pruned network, batch norms folded, to quantize in place; its nonzero weights are those that are kept.

    Members
    -------
    weight_bits : mapping of layer name or pattern to 1..8
        For every prunable layer.
    """

    network: nn.Module
    dataset: Dataset
    weight_bits: Mapping[str, int]
    config: AdmmConfig
    checkpoint: Path | None = None
    progress: Progress | None = None


@dataclass(frozen=True)
class ValueSet:
    """One choice of values.

    Members
    -------
    name : str
        The value of ``set`` in a run file.
    summary : str
        One line for people.
    run : callable
        Quantizes the request's network in place.
    level_bits : callable
        Bits of the array's levels for a layer of ``weight_bits``.
    """

    name: str
    summary: str
    run: Callable[[QuantizeRequest], QuantizeResult]
    level_bits: Callable[[int], int] = lambda weight_bits: weight_bits


def _levels(level_set: LevelSet, request: QuantizeRequest) -> QuantizeResult:
    masks = {name: layer.weight.detach() != 0 for name, layer in prunable_layers(request.network).items()}
    return quantize_admm(
        request.network,
        request.dataset,
        masks,
        request.weight_bits,
        request.config,
        request.checkpoint,
        request.progress,
        level_set=level_set,
    )


def _rounded(request: QuantizeRequest) -> QuantizeResult:
    return round_weights(request.network, request.weight_bits)


def _clusters(request: QuantizeRequest) -> QuantizeResult:
    """Equal weights round to equal levels, so a layer has at most as many different levels as clusters."""
    masks = {name: layer.weight.detach() != 0 for name, layer in prunable_layers(request.network).items()}
    counts = {name: 2**bits for name, bits in request.weight_bits.items()}
    found = cluster_admm(
        request.network, request.dataset, masks, counts, request.config, request.checkpoint, request.progress
    )
    rounded = round_weights(request.network, {"*": MAX_WEIGHT_BITS})
    return replace(rounded, history=found.history, retraining=found.retraining)


LEVELS = ValueSet(
    "levels", "equal-distance levels of `weight_bits`, by ADMM and portion by portion", partial(_levels, equal_distance)
)
"""``quantize_admm`` by name."""

POWERS = ValueSet(
    "powers",
    "plus or minus powers of two, a sign and `weight_bits` - 1 bits of exponent, by ADMM as `levels`",
    partial(_levels, powers_of_two),
    level_bits=exponents_of,
)
"""``quantize_admm`` with ``powers_of_two``. A model's levels are equal-distance ones that have the powers among them,
of 2, 4 and 8 bits for 2, 3 and 4; an archive, and an array whose PEs shift, store ``weight_bits`` a weight."""

ROUNDED = ValueSet("rounded", "the closest of equal-distance levels, without training: good at 8 bits", _rounded)
"""``round_weights`` by name."""

CLUSTERS = ValueSet(
    "clusters",
    "2^weight_bits shared values a layer, wherever they lie, put on 8-bit levels for the array",
    _clusters,
    level_bits=lambda weight_bits: MAX_WEIGHT_BITS,
)
"""``cluster_admm`` by name. The array multiplies integers, so each shared value is rounded to one of 8 bits and the
array has 8-bit codes; only an archive (``compress.storage.archive``) stores
``weight_bits`` a weight."""

VALUE_SETS: dict[str, ValueSet] = {chosen.name: chosen for chosen in (LEVELS, POWERS, ROUNDED, CLUSTERS)}
"""What values kept weights end in, by name: ``[compress] set``."""


def on_live_channels(request: QuantizeRequest, run: Callable[[QuantizeRequest], QuantizeResult]) -> QuantizeResult:
    """Quantize the network without the channels that no weight reaches, and bring the levels back to its full size.

    A network that branches is quantized whole.
    """
    small = compact_chain(request.network, request.dataset.input_shape)
    found = run(replace(request, network=small.network))
    small.restore(request.network)
    full = levels_of(request.network, found.intervals, found.weight_bits)
    return replace(full, history=found.history, retraining=found.retraining)
