from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.admm.iteration import AdmmConfig
from compress.admm.sensitivity import measure_sensitivity, sensitivity_for
from compress.admm.split_variables import Constraint
from compress.base.progress import Progress
from compress.data.datasets import Dataset, Split
from compress.methods.joint import compress_jointly
from compress.methods.prune import PruningMethod, prune_to
from compress.methods.registry import PRUNERS
from compress.networks.layers import prunable_layers
from compress.sets.balance import InputPattern
from compress.sets.constraints import Cardinality

SALIENT = AdmmConfig(iterations=5, retrain_epochs=1, tolerance=0, batch_size=16, saliency=0.5, sparsity_rise=0.5)


def test_it_is_the_root_mean_square_of_the_batches_gradients(small_network: nn.Module, small_data: Dataset) -> None:
    split = small_data.train.take(70)
    parameters = dict(small_network.named_parameters())
    squares: dict[str, list[Tensor]] = {name: [] for name in parameters}
    for images, labels in zip(split.images.split(32), split.labels.split(32), strict=True):
        small_network.zero_grad()
        functional.cross_entropy(small_network(images), labels).backward()
        for name, parameter in parameters.items():
            assert parameter.grad is not None
            squares[name].append(parameter.grad.square())
    found = measure_sensitivity(small_network, split)
    for name, parameter in parameters.items():
        torch.testing.assert_close(found[parameter], torch.stack(squares[name]).mean(dim=0).sqrt())


def test_measuring_changes_neither_weights_nor_gradients_and_gives_the_same_again(
    small_network: nn.Module, small_data: Dataset
) -> None:
    parameters = list(small_network.parameters())
    parameters[0].grad = torch.ones_like(parameters[0])
    before = [parameter.detach().clone() for parameter in parameters]
    first, second = (measure_sensitivity(small_network, small_data.train) for _ in range(2))
    assert all(torch.equal(first[parameter], second[parameter]) for parameter in parameters)
    assert all(torch.equal(old, new) for old, new in zip(before, parameters, strict=True))
    assert torch.equal(parameters[0].grad, torch.ones_like(parameters[0]))
    assert all(parameter.grad is None for parameter in parameters[1:])


def test_a_frozen_layer_has_none_and_an_unused_one_no_sensitivity(small_data: Dataset) -> None:
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused, self.frozen = nn.Linear(64, 10), nn.Linear(3, 3), nn.Linear(10, 10)
            self.frozen.requires_grad_(False)

        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = self.frozen(self.used(images.flatten(1)))
            return logits

    network = Unused()
    found = measure_sensitivity(network, small_data.train)
    assert network.get_parameter("frozen.weight") not in found
    assert not found[network.get_parameter("unused.weight")].any()
    assert found[network.get_parameter("used.weight")].any()


def test_nobody_pays_for_it_who_does_not_ask(small_network: nn.Module, small_data: Dataset) -> None:
    plain = Constraint(("0",), Cardinality(3))
    assert sensitivity_for([plain], small_network, small_data.train) is None
    assert sensitivity_for([plain, replace(plain, saliency=1.0)], small_network, small_data.train) is not None


def _with_large_idle_weights(network: nn.Module, data: Dataset) -> Dataset:
    """Inputs of the last layer's first half are always zero, and its weights there the largest of all."""
    with torch.no_grad():
        first, last = network.get_parameter("0.bias"), network.get_parameter("4.weight")
        network.get_parameter("0.weight")[0] = 0
        first[0] = -1.0
        last[:, : last.shape[1] // 3] = 5.0
    return data


@pytest.mark.parametrize("method", PRUNERS.values(), ids=lambda method: method.name)
def test_large_weights_on_inputs_that_are_always_zero_go_first(
    small_network: nn.Module, small_data: Dataset, method: PruningMethod
) -> None:
    data = _with_large_idle_weights(small_network, small_data)
    idle = small_network.get_parameter("4.weight").shape[1] // 3
    frozen = replace(SALIENT, learning_rate=1e-9)
    masks = method(small_network, data, [Constraint(("4",), Cardinality(20))], frozen).masks
    assert int(masks["4"].sum()) == 20
    assert not masks["4"][:, :idle].any()


def test_magnitude_alone_keeps_them(small_network: nn.Module, small_data: Dataset) -> None:
    data = _with_large_idle_weights(small_network, small_data)
    idle = small_network.get_parameter("4.weight").shape[1] // 3
    frozen = replace(SALIENT, learning_rate=1e-9, saliency=0.0)
    masks = prune_to(small_network, data, [Constraint(("4",), Cardinality(20))], frozen).masks
    assert masks["4"][:, :idle].sum() == 20


def test_a_constraints_own_saliency_comes_before_the_settings(small_network: nn.Module, small_data: Dataset) -> None:
    data = _with_large_idle_weights(small_network, small_data)
    idle = small_network.get_parameter("4.weight").shape[1] // 3
    frozen = replace(SALIENT, learning_rate=1e-9, saliency=0.0)
    masks = prune_to(small_network, data, [Constraint(("4",), InputPattern(1, 9), saliency=1.0)], frozen).masks
    assert not masks["4"][:, :idle].any()


def test_the_joint_form_takes_it_for_its_sparse_sets(small_network: nn.Module, small_data: Dataset) -> None:
    data = _with_large_idle_weights(small_network, small_data)
    weight = small_network.get_parameter("4.weight")
    frozen = replace(SALIENT, learning_rate=1e-9)
    compress_jointly(small_network, data, {"4": 20 / weight.numel()}, {"*": 4}, frozen)
    assert not weight[:, : weight.shape[1] // 3].any()


def test_stopped_after_any_step_it_ends_as_an_undisturbed_run(
    small_network: nn.Module, small_data: Dataset, assert_resumable: Callable[..., int]
) -> None:
    everything = Constraint(tuple(prunable_layers(small_network)), Cardinality(60))

    def run(network: nn.Module, checkpoint: Path | None, progress: Progress | None) -> object:
        return prune_to(network, small_data, [everything], SALIENT, checkpoint, progress)

    assert assert_resumable(small_network, run) == SALIENT.epochs


def test_images_beyond_the_first_4096_are_not_read(small_network: nn.Module, small_data: Dataset) -> None:
    few = small_data.train.take(8)
    many = Split(few.images.repeat(600, 1, 1, 1), few.labels.repeat(600))
    spoiled = Split(many.images.clone(), many.labels.clone())
    spoiled.images[4096:] = 0
    first, second = (measure_sensitivity(small_network, split) for split in (many, spoiled))
    assert all(torch.equal(first[parameter], second[parameter]) for parameter in small_network.parameters())
