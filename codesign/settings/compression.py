"""Prune and quantize by names: what the stages and the compression benchmark both call.

Functions take a network and return it, since with several processes they work on a copy, and take ``progress`` last,
as ``compress.train.launch.together`` calls them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.base.progress import Progress
from compress.data.datasets import Dataset
from compress.lowering.integerize import integerize
from compress.methods.post_training import levels_of, round_weights
from compress.methods.quantize import QuantizeResult
from compress.methods.registry import METHODS, Outcome, Target, prune, quantize
from compress.model.compressed_model import CompressedModel
from compress.model.layer import MAX_WEIGHT_BITS
from compress.networks.fold import fold_batch_norms

__all__ = ["Values", "integer_model", "prune_network", "quantize_network", "rounded_model"]


@dataclass(frozen=True)
class Values:
    """The values that kept weights end in, and how they and the activations get there.

    Members
    -------
    name : str
        In ``compress.methods.registry.VALUE_SETS``.
    admm : AdmmConfig
    compacted : bool
        Train without the channels that no weight reaches any more.
    calibrate : str
        The split on which ranges of activations are measured.
    """

    name: str
    admm: AdmmConfig
    compacted: bool = False
    calibrate: Literal["train", "validation"] = "train"


def prune_network(
    network: nn.Module,
    dataset: Dataset,
    method: str,
    target: Target,
    config: AdmmConfig,
    folder: Path,
    progress: Progress | None = None,
) -> tuple[nn.Module, Outcome]:
    """Prune by a method of ``METHODS``, batch norms folded where it needs that."""
    if METHODS[method].folds:
        network = fold_batch_norms(network, dataset.input_shape)
    return network, prune(network, dataset, method, target, config, folder, progress)


def quantize_network(
    network: nn.Module,
    dataset: Dataset,
    values: Values,
    weight_bits: Mapping[str, int],
    intervals: Mapping[str, float],
    folder: Path,
    progress: Progress | None = None,
) -> tuple[nn.Module, QuantizeResult]:
    """Fold the batch norms of a pruned network and put its weights on a set of values.

    ``intervals`` are those of a pruning method that quantizes too, whose weights stay as they are; else empty.
    """
    network = fold_batch_norms(network, dataset.input_shape)
    if intervals:
        return network, levels_of(network, intervals, weight_bits)
    checkpoint, compacted = folder / "quantize.pt", values.compacted
    found = quantize(network, dataset, values.name, weight_bits, values.admm, checkpoint, progress, compacted=compacted)
    return network, found


def integer_model(
    network: nn.Module,
    quantized: QuantizeResult,
    dataset: Dataset,
    calibrate: Literal["train", "validation"],
    act_bits: int = 8,
    provenance: dict[str, Any] | None = None,
) -> CompressedModel:
    """The integer layers of a quantized network, activations calibrated on a split."""
    images = dataset.validation if calibrate == "validation" else dataset.train
    return integerize(network, quantized, images, dataset.input_shape, act_bits, provenance)


def rounded_model(
    network: nn.Module,
    dataset: Dataset,
    calibrate: Literal["train", "validation"],
    act_bits: int = 8,
    provenance: dict[str, Any] | None = None,
) -> CompressedModel:
    """The integer layers of a network that is only pruned: its weights on their closest 8-bit levels, untrained."""
    rounded = fold_batch_norms(network, dataset.input_shape)
    levels = round_weights(rounded, {"*": MAX_WEIGHT_BITS})
    return integer_model(rounded, levels, dataset, calibrate, act_bits, provenance)
