"""Train the dense network."""

from __future__ import annotations

from dataclasses import asdict
from math import prod

import torch

from codesign.loop.network_file import save_network
from codesign.loop.stage import Stage
from codesign.loop.stages.common import TORCH_THREADS, check_layer_settings, geometries, load_data, section
from codesign.loop.workspace import Workspace
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset
from compress.networks.chain import LayerGeometry
from compress.networks.registry import build_network
from compress.train.checkpoint import Checkpoint, describe_run
from compress.train.training import accuracy, train

__all__ = ["STAGE"]


def _run(workspace: Workspace) -> None:
    torch.set_num_threads(TORCH_THREADS)
    config = workspace.config
    network = build_network(config.network.name, config.seed)
    dataset = load_data(workspace)
    layers = geometries(network, dataset.input_shape)
    check_layer_settings(workspace, layers)  # what the later stages refuse, refused now
    _check_classes(layers[-1], dataset)
    checkpoint = Checkpoint(workspace.scratch / "train.pt", describe_run("train", network, dataset, config.train))
    history = train(network, dataset, config.train, workspace.console.progress, checkpoint=checkpoint)
    save_network(network, config.network.name, workspace.path("network.safetensors"))
    workspace.write_json(
        "training.json",
        {
            "validation_accuracy": accuracy(network, dataset.validation),
            "images": {part: len(getattr(dataset, part)) for part in ("train", "validation", "test")},
            "history": [asdict(record) for record in history],
        },
    )


def _check_classes(last: LayerGeometry, dataset: Dataset) -> None:
    outputs, largest = prod(last.output_shape), int(dataset.train.labels.max())
    if largest >= outputs:
        raise CodesignError(
            f"the network has {outputs} outputs, {dataset.name} has labels up to {largest}",
            f"give {last.name!r} an output for each class",
        )


STAGE = Stage(
    name="train",
    title="train the dense network",
    command="codesign train",
    settings=lambda workspace: section(workspace, "network", "data", "train"),
    inputs=(),
    outputs=("network.safetensors", "training.json"),
    packages=("compress",),
    run=_run,
)
