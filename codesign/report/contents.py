"""Assemble, write and read the report of a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from codesign.loop.chosen_alphas import AlphasResult
from codesign.loop.figures import ArrayPoint, BreakEvenResult, LayerCurve
from codesign.loop.file_names import MODEL, NETWORK
from codesign.loop.pipeline import STAGES
from codesign.loop.stages.array import ArrayResult
from codesign.loop.stages.evaluation import AccuracyResult
from codesign.loop.stages.pruning import PruningResult
from codesign.loop.stages.quantization import QuantizationResult
from codesign.loop.stages.training import TrainingResult
from codesign.loop.verify import SimulationResult
from codesign.loop.workspace import Workspace
from codesign.report.page import write_page
from codesign.report.report import (
    SCHEMA,
    SCHEMA_VERSION,
    ArrayComparison,
    CurveFigures,
    DataFigures,
    LayerRow,
    LevelCounts,
    Report,
    Schema,
    StorageFigures,
    Units,
    WeightCounts,
    WeightHistogram,
)
from codesign.report.work import work_of
from codesign.settings.hardware import HardwareSection
from codesign.settings.network_file import load_network
from codesign.versions import versions
from compress.base.errors import CodesignError
from compress.base.files import read_text, write_text
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer
from compress.model.model_file import load_model
from compress.networks.layers import prunable_layers
from rtl.config import ArrayConfig
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.schedule import make_schedule

__all__ = ["assemble", "read_report", "write_report"]

HISTOGRAM_BINS = 60


def write_report(workspace: Workspace, command: str = "") -> Report:
    """Assemble report.json from the results of the stages, and write it with report.html and the pictures."""
    report = assemble(workspace, command)
    write_text(workspace.path("report.json"), json.dumps(report.to_json(), indent=2) + "\n")
    write_page(report, workspace.folder)
    return report


def read_report(path: Path) -> Report:
    """Read a report.json, given itself or its folder; a foreign or damaged one is a CodesignError."""
    file = path / "report.json" if path.is_dir() else path
    text = read_text(file, "run `codesign run` first")
    try:
        return Report.model_validate_json(text)
    except ValidationError as error:
        detail = error.errors()[0]
        place = ".".join(map(str, detail["loc"]))
        if place.partition(".")[0] == "schema":
            raise CodesignError(
                f"{file} is not a {SCHEMA} of version {SCHEMA_VERSION}", "write it with this version's `codesign run`"
            ) from error
        raise CodesignError(
            f"{file} is damaged: {place or 'the file'}: {detail['msg']}", "remove it and run `codesign run` again"
        ) from error


@dataclass(frozen=True)
class _Finished:
    """The results of all stages, and the model they are about."""

    model: CompressedModel
    training: TrainingResult
    break_even: BreakEvenResult
    alphas: AlphasResult
    pruning: PruningResult
    quantization: QuantizationResult
    array: ArrayResult
    simulation: SimulationResult
    accuracy: AccuracyResult

    @classmethod
    def of(cls, workspace: Workspace) -> _Finished:
        return cls(
            model=load_model(workspace.path(MODEL)),
            training=workspace.result(TrainingResult),
            break_even=workspace.result(BreakEvenResult),
            alphas=workspace.result(AlphasResult),
            pruning=workspace.result(PruningResult),
            quantization=workspace.result(QuantizationResult),
            array=workspace.result(ArrayResult),
            simulation=workspace.result(SimulationResult),
            accuracy=workspace.result(AccuracyResult),
        )


def assemble(workspace: Workspace, command: str) -> Report:
    """The report of a workspace whose stages are all finished."""
    config, done = workspace.config, _Finished.of(workspace)
    layers = tuple(_layer(layer, config.hardware, done) for layer in done.model.layers)
    technology = done.break_even.technology
    return Report(
        schema=Schema(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
        seed=config.seed,
        network=config.network.name,
        data=DataFigures(name=config.data.name, title=config.data.title, images=done.training.images),
        settings=config.model_dump(),
        versions={**versions(), "simulator": done.simulation.simulator},
        technology=technology,
        units=Units(area=technology.area_unit, time=technology.time_unit, clock=technology.time_unit),
        accuracy=done.accuracy,
        layers=layers,
        break_even=tuple(map(_curve, done.break_even.curves)),
        alphas=done.alphas,
        array=_array(done.array),
        rtl=done.simulation,
        storage=_storage(layers, done.array.chosen.config),
        work=work_of(done.model, {layer.name: layer.pooling == "array" for layer in done.simulation.layers}),
        admm={"prune": done.pruning.history, "quantize": done.quantization.history},
        training={
            "train": done.training.history,
            "prune": done.pruning.retraining,
            "quantize": done.quantization.retraining,
        },
        histograms=_histograms(workspace, done.model),
        admm_histograms={"prune": done.pruning.histograms, "quantize": done.quantization.histograms},
        seconds=_seconds(workspace),
    )


def _layer(layer: CompressedLayer, hardware: HardwareSection, done: _Finished) -> LayerRow:
    """One row of the per-layer table."""
    dense, chosen = done.array.dense, done.array.chosen
    cycles, batch = done.simulation.cycles[layer.name], hardware.batch_of(layer.kind)
    dense_time = dense.cycles[layer.name] * dense.clock_period / batch
    time = cycles * chosen.clock_period / batch
    return LayerRow(
        name=layer.name,
        kind=layer.kind.value,
        macs=layer.macs,
        weights=layer.weights,
        nonzeros=layer.nonzeros,
        weight_bits=layer.weight_bits,
        alpha=layer.alpha,
        pruning_ratio=1 / layer.alpha if layer.nonzeros else None,
        restored=layer.name in done.alphas.restored,
        break_even_ratio=next(c.break_even_ratio for c in done.break_even.curves if c.layer == layer.name),
        speedup=dense_time / time,
        dense_time=dense_time,
        time=time,
        batch=batch,
        weight_words=_weight_words(layer, chosen.config, batch),
        utilization=layer.nonzeros * _pixels(layer) * batch / (cycles * chosen.config.pes),
    )


def _pixels(layer: CompressedLayer) -> int:
    return layer.conv_shape[1] * layer.conv_shape[2]


def _weight_words(layer: CompressedLayer, config: ArrayConfig, batch: int) -> int:
    """Words in all rows' weight banks, fillers included."""
    return make_schedule(layer.name, layer.levels != 0, ArrayGeometry.of(layer), config, batch).weight_words


def _curve(curve: LayerCurve) -> CurveFigures:
    """A layer's curve, the dense baseline first with ``pruned_portion`` 0 and ``index`` dense."""
    points = [ArrayPoint.model_validate(point.model_dump(exclude={"config"})) for point in (curve.dense, *curve.points)]
    return CurveFigures(
        layer=curve.layer,
        break_even_ratio=curve.break_even_ratio,
        indices=curve.indices,
        budget=curve.budget,
        curve=tuple(points),
    )


def _array(found: ArrayResult) -> ArrayComparison:
    return ArrayComparison(
        budget=found.budget,
        dense=found.dense,
        chosen=found.chosen,
        speedup=found.dense.time_per_sample / found.chosen.time_per_sample,
        formats=found.formats,
    )


def _storage(layers: Sequence[LayerRow], array: ArrayConfig) -> StorageFigures:
    return StorageFigures(
        float32_bits=32 * sum(layer.weights for layer in layers),
        level_bits=sum(layer.nonzeros * layer.weight_bits for layer in layers),
        with_index_bits=array.word_bits * sum(layer.weight_words for layer in layers),
    )


def _histograms(workspace: Workspace, model: CompressedModel) -> tuple[WeightHistogram, ...]:
    """Weights before (trained) and after (levels times interval; zero is pruned), by layer."""
    network = workspace.config.network
    trained = load_network(workspace.path(NETWORK), network.name, network.module_folder)
    before = {name: layer.weight.detach().numpy().ravel() for name, layer in prunable_layers(trained).items()}
    return tuple(_histogram(layer, before[layer.name]) for layer in model.layers)


def _histogram(layer: CompressedLayer, before: NDArray[np.float32]) -> WeightHistogram:
    counts, edges = np.histogram(before, HISTOGRAM_BINS)
    levels, level_counts = np.unique(layer.levels, return_counts=True)
    return WeightHistogram(
        layer=layer.name,
        before=WeightCounts(edges=tuple(round(float(edge), 6) for edge in edges), counts=tuple(counts.tolist())),
        after=LevelCounts(levels=tuple(levels.tolist()), interval=layer.interval, counts=tuple(level_counts.tolist())),
    )


def _seconds(workspace: Workspace) -> dict[str, float]:
    """Wall time of each stage when it ran."""
    found = {stage.name: stage.seconds(workspace) for stage in STAGES}
    return {name: seconds for name, seconds in found.items() if seconds is not None}
