"""Run every compressed layer on the emitted Verilog in cocotb, with real test images."""

from __future__ import annotations

from codesign.loop.stage import Stage
from codesign.loop.stages import array, quantization
from codesign.loop.stages.array import ARRAY_FILES
from codesign.loop.stages.common import load_data, section
from codesign.loop.verify import check_outcomes, simulate_model
from codesign.loop.workspace import Workspace
from compress.model.model_file import load_model

__all__ = ["STAGE"]


def _run(workspace: Workspace) -> None:
    model = load_model(workspace.path("model.safetensors"))
    settings = workspace.config.simulate
    images = load_data(workspace).test.take(settings.images).images.numpy()
    result = simulate_model(
        model, workspace.path("array"), images, workspace.config.hardware.linear_batch, settings.simulator
    )
    workspace.write_json("simulation.json", result)
    check_outcomes(result)


STAGE = Stage(
    name="simulate",
    title="simulate the Verilog and compare with the golden model",
    command="codesign simulate",
    settings=lambda workspace: section(workspace, "data", "hardware", "simulate"),
    inputs=("model.safetensors", *ARRAY_FILES),
    outputs=("simulation.json",),
    packages=("sim", "codesign.loop.verify"),
    run=_run,
    after=(
        quantization.STAGE,
        array.STAGE,
    ),
)
