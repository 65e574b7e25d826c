"""Accuracies on the test split: the only place where it decides a figure."""

from __future__ import annotations

import numpy as np

from codesign.stage import Stage
from codesign.stages import pruning, quantization, training
from codesign.stages.common import load_data, read_network, section
from codesign.workspace import Workspace
from compress.data import Split
from compress.model import CompressedModel
from compress.modelfile import load_model
from compress.progress import Update
from compress.training import accuracy
from sim.golden import quantize_input, run_model

__all__ = ["STAGE", "integer_accuracy"]

IMAGES_AT_ONCE = 250


def integer_accuracy(model: CompressedModel, split: Split, workspace: Workspace | None = None) -> float:
    """Fraction of a split's images that the integer network, as the array computes it, classifies as labelled."""
    correct = 0
    for start in range(0, len(split), IMAGES_AT_ONCE):
        images = split.images[start : start + IMAGES_AT_ONCE].numpy()
        answers = run_model(model, quantize_input(model, images)).reshape(len(images), -1).argmax(axis=1)
        correct += int(np.sum(answers == split.labels[start : start + IMAGES_AT_ONCE].numpy()))
        if workspace is not None:
            workspace.console.progress(Update("test images, in integers", start + len(images), len(split)))
    return correct / len(split)


def _run(workspace: Workspace) -> None:
    dataset = load_data(workspace)
    model = load_model(workspace.path("model.safetensors"))
    workspace.write_json(
        "accuracy.json",
        {
            "dense": accuracy(read_network(workspace), dataset.test),
            "pruned": accuracy(read_network(workspace, "pruned.safetensors"), dataset.test),
            "compressed": accuracy(read_network(workspace, "quantized.safetensors"), dataset.test),
            "integer": integer_accuracy(model, dataset.test, workspace),
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
    packages=("compress", "sim"),
    run=_run,
    after=(
        training.STAGE,
        pruning.STAGE,
        quantization.STAGE,
    ),
)
