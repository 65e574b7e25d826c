import copy
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.data.datasets import Dataset
from compress.methods.cluster import cluster_admm
from compress.sets.masks import magnitude_mask
from compress.train.training import accuracy

SHORT = AdmmConfig(iterations=2, batch_size=16, retrain_epochs=2)


def masks_of(network: nn.Module) -> dict[str, torch.Tensor]:
    return {"4": magnitude_mask(network.get_parameter("4.weight"), 0.3)}


def test_weights_are_centroids_and_pruned_ones_stay_zero(small_network: nn.Module, small_data: Dataset) -> None:
    masks = masks_of(small_network)
    result = cluster_admm(small_network, small_data, masks, {"*": 4}, SHORT)
    for name, labels in result.labels.items():
        weight = small_network.get_parameter(f"{name}.weight").detach()
        values = torch.cat([torch.zeros(1), result.centroids[name]])
        assert torch.equal(weight, values[labels])
        assert len(result.centroids[name]) == 4
    assert torch.equal(result.labels["4"] != 0, masks["4"])
    assert len(result.retraining) == 2


def test_only_centroids_are_retrained(trained: nn.Module, digits: Dataset) -> None:
    before = copy.deepcopy(trained)
    config = AdmmConfig(iterations=1, retrain_epochs=3, learning_rate=1e-3)
    cluster_admm(before, digits, {}, {"conv2": 2, "fc1": 2}, replace(config, retrain_epochs=0))
    cluster_admm(trained, digits, {}, {"conv2": 2, "fc1": 2}, config)
    state, after = before.state_dict(), trained.state_dict()
    assert list(state) == list(after)
    changed = [name for name in state if not torch.equal(state[name], after[name])]
    assert changed == ["conv2.weight", "fc1.weight"]
    assert all(len(after[name].unique()) == 2 for name in changed)
    assert all(parameter.requires_grad for parameter in trained.parameters())
    assert accuracy(trained, digits.validation) >= accuracy(before, digits.validation)


def test_stopped_after_any_step_it_ends_as_an_undisturbed_run(
    small_network: nn.Module, small_data: Dataset, assert_resumable: Callable[..., int]
) -> None:
    masks = masks_of(small_network)
    steps = assert_resumable(
        small_network, lambda network, *options: cluster_admm(network, small_data, masks, {"*": 4}, SHORT, *options)
    )
    assert steps == SHORT.iterations + SHORT.retrain_epochs
