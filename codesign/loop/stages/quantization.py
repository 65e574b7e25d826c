"""Fold the pruned network's batch norms, ADMM-quantize it, turn it into integers, write model.safetensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from codesign.loop.data import Data
from codesign.loop.file_names import MODEL, PRUNED, QUANTIZED
from codesign.loop.inputs import Inputs, Work
from codesign.loop.layers import WeightBits, geometries
from codesign.loop.network_file import NetworkSource, save_network
from codesign.loop.results import Result
from codesign.versions import versions
from compress.admm.iteration import AdmmConfig, AdmmStep
from compress.base.errors import CodesignError
from compress.methods.integerize import integerize
from compress.methods.quantize import quantize_admm
from compress.model.compressed_model import CompressedModel
from compress.model.model_file import load_model, save_model
from compress.networks.chain import prunable_layers
from compress.networks.fold import fold_batch_norms
from compress.train.histograms import LayerHistograms, admm_histograms, copy_weights
from compress.train.training import EpochRecord, accuracy

__all__ = ["QuantizationResult", "QuantizeSettings", "run"]


@dataclass(frozen=True)
class QuantizeSettings:
    """The ADMM run and its retrainings, bits of levels and activations, and the seed that the model says it is of."""

    network: NetworkSource
    data: Data
    seed: int
    bits: WeightBits
    act_bits: int
    admm: AdmmConfig


class QuantizationResult(Result):
    """How quantization went; the integer model is in ``MODEL``, the same in floats in ``QUANTIZED``.

    Members
    -------
    intervals : dict
        Real value of level 1, by layer.
    """

    FILE: ClassVar = "quantization.json"
    COMMAND: ClassVar = "codesign compress"

    validation_accuracy: float
    intervals: dict[str, float]
    history: tuple[AdmmStep, ...]
    retraining: tuple[EpochRecord, ...]
    histograms: tuple[LayerHistograms, ...]


def run(inputs: Inputs, settings: QuantizeSettings, work: Work) -> QuantizationResult:
    """Quantize the pruned network; its folded weights get the levels."""
    dataset = settings.data.load()
    network = fold_batch_norms(settings.network.read(inputs.path(PRUNED)))
    bits = settings.bits.of(geometries(network, dataset.input_shape))
    masks = {name: layer.weight.detach() != 0 for name, layer in prunable_layers(network).items()}
    before = copy_weights(network)
    found = quantize_admm(network, dataset, masks, bits, settings.admm, work.scratch / "quantize.pt", work.progress)
    model = integerize(network, found, dataset.train, dataset.input_shape, settings.act_bits, _provenance(settings))
    _write_and_check(model, work.folder / MODEL)
    save_network(network, settings.network.name, work.folder / QUANTIZED, folded=True)
    return QuantizationResult(
        validation_accuracy=accuracy(network, dataset.validation),
        intervals=dict(found.intervals),
        history=found.history,
        retraining=found.retraining,
        histograms=admm_histograms(before, found.admm_weights, network),
    )


def _provenance(settings: QuantizeSettings) -> dict[str, Any]:
    return {
        "network": settings.network.name,
        "data": settings.data.name,
        "seed": settings.seed,
        "versions": versions(),
    }


def _write_and_check(model: CompressedModel, path: Path) -> None:
    save_model(model, path)
    pairs = zip(model.layers, load_model(path).layers, strict=True)
    if not all(a.name == b.name and np.array_equal(a.levels, b.levels) for a, b in pairs):
        raise CodesignError(f"{path} does not read back as written", "check the disk, then run again")
