"""Fold the pruned network's batch norms, ADMM-quantize it, turn it into integers, write model.safetensors."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from codesign.loop.network_file import save_network
from codesign.loop.stage import Stage
from codesign.loop.stages import pruning
from codesign.loop.stages.common import (
    geometries,
    load_data,
    read_network,
    section,
    three_moments,
    weight_bits,
)
from codesign.loop.workspace import Workspace
from codesign.versions import versions
from compress.base.errors import CodesignError
from compress.methods.integerize import integerize
from compress.methods.quantize import quantize_admm
from compress.model.compressed_model import CompressedModel
from compress.model.model_file import load_model, save_model
from compress.networks.chain import prunable_layers
from compress.networks.fold import fold_batch_norms
from compress.train.histograms import copy_weights
from compress.train.training import accuracy

__all__ = ["STAGE"]


def _run(workspace: Workspace) -> None:
    dataset = load_data(workspace)
    network = fold_batch_norms(read_network(workspace, "pruned.safetensors"))  # the folded weights get the levels
    layers = geometries(network, dataset.input_shape)
    masks = {name: layer.weight.detach() != 0 for name, layer in prunable_layers(network).items()}
    before = copy_weights(network)
    result = quantize_admm(
        network,
        dataset,
        masks,
        weight_bits(workspace, layers),
        workspace.config.compress.quantize,
        workspace.scratch / "quantize.pt",
        workspace.console.progress,
    )
    act_bits = workspace.config.hardware.act_bits
    model = integerize(network, result, dataset.train, dataset.input_shape, act_bits, _provenance(workspace))
    save_model(model, workspace.path("model.safetensors"))
    _check_same(model, load_model(workspace.path("model.safetensors")))
    save_network(network, workspace.config.network.name, workspace.path("quantized.safetensors"), folded=True)
    workspace.write_json(
        "quantization.json",
        {
            "validation_accuracy": accuracy(network, dataset.validation),
            "intervals": result.intervals,
            "history": [asdict(step) for step in result.history],
            "retraining": [asdict(record) for record in result.retraining],
            "histograms": three_moments(before, result.admm_weights, network),
        },
    )


def _provenance(workspace: Workspace) -> dict[str, Any]:
    config = workspace.config
    return {
        "network": config.network.name,
        "data": config.data.name,
        "seed": config.seed,
        "versions": versions(),
    }


def _check_same(written: CompressedModel, read: CompressedModel) -> None:
    same = [
        a.name == b.name and np.array_equal(a.levels, b.levels)
        for a, b in zip(written.layers, read.layers, strict=True)
    ]
    if not all(same):
        raise CodesignError("model.safetensors does not read back as written", "check the disk, then run again")


STAGE = Stage(
    name="quantize",
    title="quantize by ADMM and write the integer model",
    command="codesign compress",
    settings=lambda workspace: section(workspace, "network", "data", "compress", "hardware"),
    inputs=("pruned.safetensors",),
    outputs=("model.safetensors", "quantized.safetensors", "quantization.json"),
    packages=("compress",),
    run=_run,
    after=(pruning.STAGE,),
)
