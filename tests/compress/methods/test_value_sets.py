from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset
from compress.lowering.integerize import integerize
from compress.methods.registry import VALUE_SETS, Target, prune, quantize
from compress.networks.layers import prunable_layers
from compress.storage.archive import clustered
from compress.storage.sizes import storage_of

SHORT = AdmmConfig(iterations=3, retrain_epochs=2, batch_size=32, tolerance=0)
KEPT = {"0": 0.5, "4": 0.25}


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("value_set", VALUE_SETS)
def test_every_set_of_values_gives_levels_that_are_the_weights(
    value_set: str, compacted: bool, small_network: nn.Module, small_data: Dataset
) -> None:
    prune(small_network, small_data, "one-shot", Target(alphas=KEPT), SHORT)
    before = {name: layer.weight != 0 for name, layer in prunable_layers(small_network).items()}
    found = quantize(small_network, small_data, value_set, {"*": 2}, SHORT, compacted=compacted)
    level_bits = VALUE_SETS[value_set].level_bits(2)
    for name, layer in prunable_layers(small_network).items():
        levels = found.levels[name]
        torch.testing.assert_close(layer.weight.detach(), levels * found.intervals[name])
        assert int(levels.abs().max()) <= 2 ** (level_bits - 1)
        assert len(levels[levels != 0].unique()) <= 4
        assert not (levels != 0)[~before[name]].any()
        assert compacted or torch.equal(levels != 0, before[name])


def test_clusters_are_stored_in_their_bits_and_run_in_eight(small_network: nn.Module, small_data: Dataset) -> None:
    found = quantize(small_network, small_data, "clusters", {"*": 2}, SHORT)
    model = integerize(small_network, found, small_data.train, (1, 8, 8))
    for layer in model.layers:
        stored = clustered(layer)
        assert layer.weight_bits == 8
        assert stored.weight_bits == 2
        np.testing.assert_allclose(stored.weights, layer.levels * np.float32(layer.interval), rtol=1e-6)
        assert storage_of(stored).data_bits == 2 * storage_of(stored).nonzeros + 32 * len(stored.centroids)


@pytest.mark.parametrize(("bits", "array_bits"), [(2, 2), (3, 4), (4, 8)])
def test_powers_of_two_run_as_wider_levels_and_are_stored_in_their_bits(
    bits: int, array_bits: int, small_network: nn.Module, small_data: Dataset
) -> None:
    found = quantize(small_network, small_data, "powers", {"*": bits}, SHORT)
    model = integerize(small_network, found, small_data.train, (1, 8, 8))
    for layer in model.layers:
        magnitudes = np.abs(layer.levels[layer.levels != 0])
        assert not (magnitudes & (magnitudes - 1)).any()
        assert layer.weight_bits == array_bits
        assert clustered(layer).weight_bits <= bits


def test_a_checkpoint_of_another_set_is_refused(small_network: nn.Module, small_data: Dataset, tmp_path: Path) -> None:
    start = {name: value.clone() for name, value in small_network.state_dict().items()}
    quantize(small_network, small_data, "levels", {"*": 2}, SHORT, tmp_path / "c")
    small_network.load_state_dict(start)
    with pytest.raises(CodesignError, match="levels differ"):
        quantize(small_network, small_data, "powers", {"*": 2}, SHORT, tmp_path / "c")
