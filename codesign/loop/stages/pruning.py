"""ADMM-prune to the chosen alphas, and retrain with the mask."""

from __future__ import annotations

from dataclasses import asdict

from codesign.loop.network_file import save_network
from codesign.loop.stage import Stage
from codesign.loop.stages import alphas, training
from codesign.loop.stages.common import load_data, read_network, section, three_moments
from codesign.loop.workspace import Workspace
from compress.methods.prune import prune_admm
from compress.train.histograms import copy_weights
from compress.train.training import accuracy

__all__ = ["STAGE"]


def _run(workspace: Workspace) -> None:
    network, dataset = read_network(workspace), load_data(workspace)
    alphas = workspace.read_json("alphas.json", "codesign compress")["alphas"]
    before = copy_weights(network)
    result = prune_admm(
        network,
        dataset,
        alphas,
        workspace.config.compress.prune,
        workspace.scratch / "prune.pt",
        workspace.console.progress,
    )
    save_network(network, workspace.config.network.name, workspace.path("pruned.safetensors"))
    workspace.write_json(
        "pruning.json",
        {
            "validation_accuracy": accuracy(network, dataset.validation),
            "kept": {name: int(mask.sum()) for name, mask in result.masks.items()},
            "history": [asdict(step) for step in result.history],
            "retraining": [asdict(record) for record in result.retraining],
            "histograms": three_moments(before, result.admm_weights, network),
        },
    )


STAGE = Stage(
    name="prune",
    title="prune by ADMM and retrain",
    command="codesign compress",
    settings=lambda workspace: section(workspace, "network", "data", "compress"),
    inputs=("network.safetensors", "alphas.json"),
    outputs=("pruned.safetensors", "pruning.json"),
    packages=("compress",),
    run=_run,
    after=(
        training.STAGE,
        alphas.STAGE,
    ),
)
