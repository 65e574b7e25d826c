from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codesign.loop.file_names import MODEL
from codesign.loop.inputs import Work
from codesign.loop.stages import simulation
from codesign.loop.stages.simulation import SimulateSettings, SimulationResult, run
from codesign.settings.data import Data
from compress.model.model_file import save_model
from sim.simulate.runner import LayerOutcome
from tests.codesign.loop.stages.conftest import GiveInputs
from tests.codesign.models import small_model

OUTCOME = LayerOutcome("conv", 64, 0, (100, 100), 100, 1, 0, False, 250, 0.5, "", "array")
RESULT = SimulationResult.of([OUTCOME], "verilator: 5", images=2)


def test_the_models_layers_run_on_as_many_test_images_as_asked(
    data: Data, inputs: GiveInputs, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def simulate(model: Any, folder: Path, images: Any, linear_batch: int, simulator: str | None) -> SimulationResult:
        assert [layer.name for layer in model.layers] == ["conv", "linear"]
        assert folder == work.folder / "array"
        assert images.shape == (2, 1, 8, 8)
        assert (linear_batch, simulator) == (4, "verilator")
        return RESULT

    save_model(small_model(), work.folder / MODEL)
    monkeypatch.setattr(simulation, "simulate_model", simulate)
    result = run(inputs(MODEL, "array/pe_array.v"), SimulateSettings(data, 2, 4, "verilator", "5"), work)
    result.check()
    result.write(work.folder)
    assert SimulationResult.read(work.folder) == result
