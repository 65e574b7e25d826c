"""Accuracies on the test split: the only place where it decides a figure."""

from __future__ import annotations

from codesign.loop.evaluate import integer_accuracy
from codesign.loop.stage import Stage
from codesign.loop.stages import pruning, quantization, training
from codesign.loop.stages.common import load_data, read_network, section
from codesign.loop.workspace import Workspace
from compress.model.model_file import load_model
from compress.train.training import accuracy

__all__ = ["STAGE"]


def _run(workspace: Workspace) -> None:
    dataset = load_data(workspace)
    model = load_model(workspace.path("model.safetensors"))
    workspace.write_json(
        "accuracy.json",
        {
            "dense": accuracy(read_network(workspace), dataset.test),
            "pruned": accuracy(read_network(workspace, "pruned.safetensors"), dataset.test),
            "compressed": accuracy(read_network(workspace, "quantized.safetensors"), dataset.test),
            "integer": integer_accuracy(model, dataset.test, workspace.console.progress),
            "test_images": len(dataset.test),
        },
    )


STAGE = Stage(
    name="evaluate",
    title="measure accuracies on the test split",
    command="codesign run",
    settings=lambda workspace: section(workspace, "network", "data"),
    inputs=("network.safetensors", "pruned.safetensors", "quantized.safetensors", "model.safetensors"),
    outputs=("accuracy.json",),
    packages=("compress", "sim", "codesign.loop.evaluate"),
    run=_run,
    after=(
        training.STAGE,
        pruning.STAGE,
        quantization.STAGE,
    ),
)
