"""Run a model's layers on generated Verilog with real inputs, and compare everything with the golden model."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from codesign.errors import MismatchError
from codesign.loop.results import Result
from codesign.settings.hardware import samples_at_a_time
from compress.model.compressed_model import CompressedModel
from rtl.generate import load_config
from rtl.names import TOP
from sim.golden.golden import layer_inputs, quantize_input
from sim.mapping.tiles import tile_layer
from sim.simulate.build import compile_folder
from sim.simulate.runner import LayerOutcome, LayerRun, run_layers

__all__ = ["LayerSimulation", "SimulationResult", "simulate_model"]


@dataclass(frozen=True)
class LayerSimulation:
    """One layer on the Verilog: see ``sim.simulate.runner.LayerOutcome``; ``cycles`` has one count a batch."""

    name: str
    outputs_compared: int
    mismatches: int
    first_mismatch: str
    cycles: tuple[int, ...]
    model_cycles: int
    runs: int
    miscounted_runs: int
    pooling: str
    simulated_cycles: int
    seconds: float

    @classmethod
    def of(cls, outcome: LayerOutcome) -> Self:
        """Of what the simulation answered."""
        return cls(
            name=outcome.name,
            outputs_compared=outcome.outputs_compared,
            mismatches=outcome.mismatches,
            first_mismatch=outcome.first_mismatch,
            cycles=tuple(outcome.cycles),
            model_cycles=outcome.model_cycles,
            runs=outcome.runs,
            miscounted_runs=outcome.miscounted,
            pooling=outcome.pooling,
            simulated_cycles=outcome.simulated_cycles,
            seconds=round(outcome.seconds, 2),
        )


class SimulationResult(Result):
    """Outputs compared, cycles of one batch by layer, and whether everything was equal."""

    FILE: ClassVar = "simulation.json"
    COMMAND: ClassVar = "codesign run"

    bit_exact: bool
    cycle_exact: bool
    outputs_compared: int
    mismatches: int
    images: int
    simulator: str
    cycles: dict[str, int]
    layers: tuple[LayerSimulation, ...]

    @classmethod
    def of(cls, outcomes: list[LayerOutcome], simulator: str, images: int) -> Self:
        """Of what the simulation of all layers answered."""
        return cls(
            bit_exact=all(outcome.bit_exact for outcome in outcomes),
            cycle_exact=all(outcome.cycle_exact for outcome in outcomes),
            outputs_compared=sum(outcome.outputs_compared for outcome in outcomes),
            mismatches=sum(outcome.mismatches for outcome in outcomes),
            images=images,
            simulator=simulator,
            cycles={outcome.name: outcome.cycles[0] for outcome in outcomes},
            layers=tuple(map(LayerSimulation.of, outcomes)),
        )

    def check(self) -> None:
        """Raise MismatchError unless every output and every cycle count was equal."""
        for layer in self.layers:
            if layer.mismatches:
                raise MismatchError(
                    f"layer {layer.name!r}: {layer.mismatches} of {layer.outputs_compared} outputs of the Verilog "
                    f"differ from the golden model; {layer.first_mismatch}"
                )
            if layer.miscounted_runs:
                raise MismatchError(
                    f"layer {layer.name!r} took {list(layer.cycles)} cycles, the model says {layer.model_cycles}"
                )
        if not self.bit_exact:
            raise MismatchError("the simulation compared no outputs")


def simulate_model(
    model: CompressedModel,
    array_folder: Path,
    images_nchw: NDArray[np.float32],
    linear_batch: int,
    simulator: str | None = None,
    top: str = TOP,
) -> SimulationResult:
    """Simulate every layer on the Verilog in ``array_folder``, each on what the golden model feeds it.

    ``top`` is one of ``rtl.generate.FILE_LISTS``. Images are repeated to fill the last batch of a Linear layer.
    """
    config = load_config(array_folder)
    inputs = layer_inputs(model, quantize_input(model, images_nchw))
    runs = []
    for layer in model.layers:
        batch = samples_at_a_time(layer.kind, linear_batch)
        runs.append(LayerRun(tile_layer(layer, config, batch), _fill(inputs[layer.name], batch)))
    built = compile_folder(array_folder, simulator, top)
    outcomes = run_layers(built, runs)
    return SimulationResult.of(outcomes, f"{built.simulator.name}: {built.simulator.version}", len(images_nchw))


def _fill(activations: NDArray[np.uint8], batch: int) -> NDArray[np.uint8]:
    """Whole batches."""
    count = batch * ceil(len(activations) / batch)
    return activations[np.arange(count) % len(activations)]
