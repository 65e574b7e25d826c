from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codesign.errors import MismatchError
from codesign.loop.file_names import MODEL
from codesign.loop.inputs import Work
from codesign.loop.stages import simulation
from codesign.loop.stages.simulation import SimulateSettings, SimulationResult, run
from codesign.loop.verify import LayerSimulation
from codesign.settings.data import Data
from compress.model.model_file import save_model
from tests.codesign.loop.stages.conftest import GiveInputs
from tests.codesign.models import small_model

LAYER = LayerSimulation("conv", 64, 0, "", (100, 100), 100, 1, 0, "array", 250, 0.5)


def result_of(*layers: LayerSimulation) -> SimulationResult:
    mismatches = sum(layer.mismatches for layer in layers)
    return SimulationResult(
        bit_exact=bool(layers) and mismatches == 0,
        cycle_exact=True,
        outputs_compared=sum(layer.outputs_compared for layer in layers),
        mismatches=mismatches,
        images=2,
        simulator="verilator: 5",
        cycles={layer.name: layer.cycles[0] for layer in layers},
        layers=layers,
    )


def test_the_models_layers_run_on_as_many_test_images_as_asked(
    data: Data, inputs: GiveInputs, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def simulate(model: Any, folder: Path, images: Any, linear_batch: int, simulator: str | None) -> SimulationResult:
        assert [layer.name for layer in model.layers] == ["conv", "linear"]
        assert folder == work.folder / "array"
        assert images.shape == (2, 1, 8, 8)
        assert (linear_batch, simulator) == (4, "verilator")
        return result_of(LAYER)

    save_model(small_model(), work.folder / MODEL)
    monkeypatch.setattr(simulation, "simulate_model", simulate)
    result = run(inputs(MODEL, "array/pe_array.v"), SimulateSettings(data, 2, 4, "verilator", "5"), work)
    result.check()
    result.write(work.folder)
    assert SimulationResult.read(work.folder) == result


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        ([replace(LAYER, mismatches=3, first_mismatch="output (0,) is 1, golden 2")], "3 of 64 outputs"),
        ([LAYER, replace(LAYER, name="linear", miscounted_runs=1)], r"'linear' took \[100, 100\] cycles"),
        ([], "compared no outputs"),
    ],
)
def test_a_difference_stops_the_run(layers: list[LayerSimulation], told: str) -> None:
    with pytest.raises(MismatchError, match=told):
        result_of(*layers).check()
