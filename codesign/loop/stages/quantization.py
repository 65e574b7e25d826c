"""Fold the pruned network's batch norms, quantize it, turn it into integers, write model.safetensors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from codesign.loop.file_names import ARCHIVE, MODEL, PRUNED, PRUNED_MODEL, QUANTIZED
from codesign.loop.inputs import Inputs, Work
from codesign.loop.results import Result
from codesign.loop.stages.pruning import PruningResult
from codesign.settings.compression import Values, integer_model, quantize_network, rounded_model
from codesign.settings.data import Data
from codesign.settings.layers import WeightBits, geometries
from codesign.settings.network_file import NetworkSource, save_network
from codesign.versions import versions
from compress.admm.iteration import AdmmStep
from compress.base.errors import CodesignError
from compress.model.compressed_model import CompressedModel
from compress.model.model_file import load_model, save_model
from compress.networks.fold import fold_batch_norms
from compress.storage.archive import save_archive
from compress.train.histograms import LayerHistograms, admm_histograms, copy_weights
from compress.train.launch import together
from compress.train.training import EpochRecord, accuracy

__all__ = ["QuantizationResult", "QuantizeSettings", "run"]


@dataclass(frozen=True)
class QuantizeSettings:
    """Set of values and how to reach it, and bits of levels and activations.

    ``seed`` is that of the data's split, which the model's file tells ``codesign evaluate``.
    """

    network: NetworkSource
    data: Data
    seed: int
    bits: WeightBits
    act_bits: int
    values: Values
    processes: int = 1


class QuantizationResult(Result):
    """How quantization went; the integer model is in ``MODEL``, and in the fewest bytes in ``ARCHIVE``.

    ``QUANTIZED`` is the same in floats. ``PRUNED_MODEL`` has the weights before quantization, rounded to 8-bit levels.

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
    network = fold_batch_norms(settings.network.read(inputs.path(PRUNED)), dataset.input_shape)
    bits = settings.bits.of(geometries(network, dataset.input_shape))
    before = copy_weights(network)
    pruned = rounded_model(network, dataset, settings.values.calibrate, settings.act_bits, _provenance(settings))
    save_model(pruned, work.folder / PRUNED_MODEL)
    network, found = together(
        settings.processes,
        quantize_network,
        network,
        dataset,
        settings.values,
        bits,
        inputs.result(PruningResult).intervals,
        work.scratch,
        progress=work.progress,
    )
    model = integer_model(network, found, dataset, settings.values.calibrate, settings.act_bits, _provenance(settings))
    _write_and_check(model, work.folder / MODEL)
    save_archive(model, work.folder / ARCHIVE)
    save_network(network, settings.network.name, work.folder / QUANTIZED, folded=True)
    return QuantizationResult(
        validation_accuracy=accuracy(network, dataset.validation),
        intervals=dict(found.intervals),
        history=found.history,
        retraining=found.retraining,
        histograms=admm_histograms(before, found.admm_weights, network),
    )


def _provenance(settings: QuantizeSettings) -> dict[str, Any]:
    data = settings.data
    options = {} if data.options == "{}" else {"data_options": json.loads(data.options)}
    task = {} if data.task.keeps_accuracy else {"task": data.task.step}
    return {
        "network": settings.network.name,
        "data": data.name,
        "seed": settings.seed,
        "versions": versions(),
        **options,
        **task,
    }


def _write_and_check(model: CompressedModel, path: Path) -> None:
    save_model(model, path)
    pairs = zip(model.layers, load_model(path).layers, strict=True)
    if not all(a.name == b.name and np.array_equal(a.levels, b.levels) for a, b in pairs):
        raise CodesignError(f"{path} does not read back as written", "check the disk, then run again")
