"""Run every compressed layer on the emitted Verilog in cocotb, with real test images."""

from __future__ import annotations

from dataclasses import dataclass

from codesign.loop.file_names import ARRAY, MODEL
from codesign.loop.inputs import Inputs, Work
from codesign.loop.verify import SimulationResult, simulate_model
from codesign.settings.data import Data
from compress.model.model_file import load_model

__all__ = ["SimulateSettings", "SimulationResult", "run"]


@dataclass(frozen=True)
class SimulateSettings:
    """How to simulate.

    Members
    -------
    images : int
        Test images that each layer runs.
    linear_batch : int
        Samples that a Linear layer runs at a time.
    simulator : str, optional
        By default the first that works.
    version : str
        Of the simulator as it is installed.
    """

    data: Data
    images: int
    linear_batch: int
    simulator: str | None
    version: str


def run(inputs: Inputs, settings: SimulateSettings, work: Work) -> SimulationResult:
    """Compare every output and every cycle count with the models."""
    model, array = load_model(inputs.path(MODEL)), inputs.path(ARRAY)
    images = settings.data.load().test.take(settings.images).pixels.numpy()
    return simulate_model(model, array, images, settings.linear_batch, settings.simulator)
