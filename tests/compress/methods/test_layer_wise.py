import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.admm.sensitivity import sensitivity_for
from compress.admm.split_variables import Constraint, project_weights
from compress.base.progress import Update
from compress.data.datasets import Dataset
from compress.methods.layer_wise import prune_layer_wise, reconstruct_layers
from compress.methods.prune import cardinality_constraints
from compress.networks.mobilenets import mobilenet_v3_small
from compress.sets.balance import GroupCardinality, InputPattern
from compress.sets.constraints import Cardinality
from compress.train.training import accuracy

CONFIG = AdmmConfig(iterations=20, batch_size=16, retrain_epochs=0, calibration_images=64)
WHOLE_NETWORK = [Constraint(("0", "4"), Cardinality(30))]
TWO_SETS = [Constraint(("4",), GroupCardinality(3, 3)), Constraint(("0",), InputPattern(1, 1))]


def test_without_training_it_loses_less_than_magnitude(trained: nn.Module, digits: Dataset) -> None:
    by_magnitude, dense = copy.deepcopy(trained), accuracy(trained, digits.test)
    constraints = cardinality_constraints(trained, {"*": 0.15})
    project_weights(by_magnitude, constraints)
    reconstruct_layers(trained, digits.train.images, constraints, CONFIG)
    found, magnitude = accuracy(trained, digits.test), accuracy(by_magnitude, digits.test)
    assert dense - found < (dense - magnitude) / 2
    for constraint in constraints:
        (weight,) = constraint.weights(trained)
        assert isinstance(constraint.target, Cardinality)
        assert int(weight.count_nonzero()) == constraint.target.count


@pytest.mark.parametrize("constraints", [WHOLE_NETWORK, TWO_SETS], ids=["whole network", "two sets"])
def test_it_ends_in_the_sets_and_biases_stay(
    constraints: Sequence[Constraint], small_network: nn.Module, small_data: Dataset
) -> None:
    biases = {name: value.clone() for name, value in small_network.state_dict().items() if "bias" in name}
    result = prune_layer_wise(small_network, small_data, constraints, CONFIG)
    for name, mask in result.masks.items():
        assert torch.equal(small_network.get_parameter(f"{name}.weight") != 0, mask)
    if constraints is WHOLE_NETWORK:
        assert sum(int(mask.sum()) for mask in result.masks.values()) == 30
    else:
        for constraint in constraints:
            (weight,) = constraint.weights(small_network)
            assert torch.equal(constraint.target_at(1.0).project(weight), weight)
    assert all(torch.equal(small_network.state_dict()[name], value) for name, value in biases.items())


@pytest.mark.parametrize("saliency", [0.0, 0.5])
def test_of_a_set_over_several_layers_each_keeps_as_many_as_its_projection(
    saliency: float, small_network: nn.Module, small_data: Dataset
) -> None:
    shared = [replace(constraint, saliency=saliency) for constraint in WHOLE_NETWORK]
    found = prune_layer_wise(copy.deepcopy(small_network), small_data, shared, CONFIG).masks
    project_weights(small_network, shared, sensitivity_for(shared, small_network, small_data.train))
    weights = {name: small_network.get_parameter(f"{name}.weight") for name in found}
    expected = {name: int(weight.count_nonzero()) for name, weight in weights.items()}
    assert {name: int(mask.sum()) for name, mask in found.items()} == expected


def test_it_reads_the_first_calibration_images_alone_and_no_labels(
    small_network: nn.Module, small_data: Dataset
) -> None:
    images = small_data.train.images
    few, many = copy.deepcopy(small_network), copy.deepcopy(small_network)
    reconstruct_layers(few, images[:64], WHOLE_NETWORK, CONFIG)
    reconstruct_layers(many, images, WHOLE_NETWORK, CONFIG)
    assert all(torch.equal(a, b) for a, b in zip(few.state_dict().values(), many.state_dict().values(), strict=True))


def test_the_masks_stay_while_it_retrains(small_network: nn.Module, small_data: Dataset) -> None:
    config = replace(CONFIG, retrain_epochs=2)
    result = prune_layer_wise(small_network, small_data, WHOLE_NETWORK, config)
    assert len(result.retraining) == 2
    assert result.history == ()
    weights = torch.cat([small_network.get_parameter(f"{name}.weight").flatten() for name in result.masks])
    assert torch.equal(weights != 0, torch.cat([mask.flatten() for mask in result.masks.values()]))


def test_branches_depthwise_layers_and_batch_norms_are_no_hindrance() -> None:
    torch.manual_seed(0)
    network, images = mobilenet_v3_small().eval(), torch.rand(8, 3, 16, 16)
    statistics = {name: value.clone() for name, value in network.named_buffers()}
    constraints = cardinality_constraints(network, {"*": 0.5})
    told: list[Update] = []
    reconstruct_layers(network, images, constraints, AdmmConfig(iterations=3), progress=told.append)
    assert [update.done for update in told] == list(range(1, len(constraints) + 1))
    assert all(update.figures["relative error"] >= 0 for update in told)
    assert all(torch.equal(value, statistics[name]) for name, value in network.named_buffers())
    kept = sum(int(weight.count_nonzero()) for c in constraints for weight in c.weights(network))
    assert kept == sum(constraint.target_at(1).count for constraint in constraints)  # type: ignore[attr-defined]


def test_stopped_after_any_layer_it_ends_as_an_undisturbed_run(
    small_network: nn.Module, small_data: Dataset, assert_resumable: Callable[..., int]
) -> None:
    config = replace(CONFIG, retrain_epochs=1)

    def run(network: nn.Module, checkpoint: Path | None, progress: Callable[..., None] | None) -> dict[str, Any]:
        return prune_layer_wise(network, small_data, WHOLE_NETWORK, config, checkpoint, progress).masks

    assert assert_resumable(small_network, run) == 3
