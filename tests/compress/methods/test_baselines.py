from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.admm.schedules import FallingCardinality
from compress.admm.split_variables import Constraint
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset
from compress.methods.baselines import iterative, prune_iteratively, prune_one_shot, prune_projected
from compress.methods.prune import PruningMethod, prune_to
from compress.methods.registry import PRUNERS
from compress.sets.balance import GroupCardinality, InputPattern
from compress.sets.constraints import Cardinality
from compress.sets.masks import magnitude_mask

CONFIG = AdmmConfig(iterations=3, batch_size=16, retrain_epochs=2, tolerance=0)
ONE_LAYER = [Constraint(("4",), Cardinality(27))]
WHOLE_NETWORK = [Constraint(("0", "4"), Cardinality(30))]
SETS = [ONE_LAYER, WHOLE_NETWORK, [Constraint(("4",), GroupCardinality(3, 3)), Constraint(("0",), InputPattern(1, 1))]]

every_method = pytest.mark.parametrize("method", PRUNERS.values(), ids=lambda method: method.name)


@every_method
@pytest.mark.parametrize("constraints", SETS, ids=["one layer", "whole network", "two sets"])
def test_every_method_ends_in_the_same_sets_in_as_many_epochs(
    method: PruningMethod, constraints: Sequence[Constraint], small_network: nn.Module, small_data: Dataset
) -> None:
    result = method(small_network, small_data, constraints, CONFIG)
    assert len(result.history) + len(result.retraining) == CONFIG.epochs == 5
    for constraint in constraints:
        weights = torch.cat([weight.detach().reshape(-1) for weight in constraint.weights(small_network)])
        masks = torch.cat([result.masks[layer].reshape(-1) for layer in constraint.layers])
        assert torch.equal(weights != 0, masks)
        if isinstance(constraint.target, Cardinality):
            assert int(masks.sum()) == constraint.target.count
        else:
            weight = small_network.get_parameter(f"{constraint.name}.weight").detach()
            assert torch.equal(constraint.target_at(1.0).project(weight), weight)
    named = [layer for constraint in constraints for layer in constraint.layers]
    assert all(bool(mask.all()) for layer, mask in result.masks.items() if layer not in named)


@every_method
def test_stopped_after_any_step_it_ends_as_an_undisturbed_run(
    method: PruningMethod, small_network: nn.Module, small_data: Dataset, assert_resumable: Callable[..., int]
) -> None:
    steps = assert_resumable(
        small_network, lambda network, *options: method(network, small_data, WHOLE_NETWORK, CONFIG, *options)
    )
    assert steps == CONFIG.epochs


def test_a_checkpoint_of_another_method_or_set_is_refused(
    small_network: nn.Module, small_data: Dataset, tmp_path: Path
) -> None:
    start = {name: value.clone() for name, value in small_network.state_dict().items()}
    prune_one_shot(small_network, small_data, ONE_LAYER, CONFIG, tmp_path / "c")
    small_network.load_state_dict(start)
    for method, constraints, cause in (
        (prune_projected, ONE_LAYER, "kind"),
        (prune_one_shot, WHOLE_NETWORK, "kept"),
    ):
        with pytest.raises(CodesignError, match=f"another run: {cause} differ"):
            method(small_network, small_data, constraints, CONFIG, tmp_path / "c")


def test_one_shot_keeps_the_largest_of_the_start(small_network: nn.Module, small_data: Dataset) -> None:
    expected = magnitude_mask(small_network.get_parameter("4.weight"), 0.1)
    assert torch.equal(prune_one_shot(small_network, small_data, ONE_LAYER, CONFIG).masks["4"], expected)


def test_projected_gradient_may_change_its_mind(small_network: nn.Module, digits: Dataset) -> None:
    start = magnitude_mask(small_network.get_parameter("4.weight"), 0.1)
    config = AdmmConfig(iterations=2, batch_size=16, learning_rate=1e-2, retrain_epochs=1)
    assert not torch.equal(prune_projected(small_network, digits, ONE_LAYER, config).masks["4"], start)


@pytest.mark.parametrize(
    ("target", "counts"),
    [(Cardinality(3), (28, 3)), (FallingCardinality(270, 3, rise=0.5), (3, 3)), (InputPattern(1, 27), (10, 10))],
)
def test_iterative_pruning_takes_equal_portions_or_the_schedules(
    target: Cardinality | FallingCardinality | InputPattern,
    counts: tuple[int, int],
    small_network: nn.Module,
    small_data: Dataset,
) -> None:
    seen: list[int] = []

    def look(*_: object) -> None:
        seen.append(int(small_network.get_parameter("4.weight").count_nonzero()))

    iterative(rounds=2)(small_network, small_data, [Constraint(("4",), target)], CONFIG, None, look)
    assert seen == [counts[0]] * 2 + [counts[1]] * 3


def test_more_rounds_than_epochs_are_a_clear_error(small_network: nn.Module, small_data: Dataset) -> None:
    with pytest.raises(CodesignError, match="6 rounds"):
        iterative(rounds=6)(small_network, small_data, ONE_LAYER, CONFIG)


def test_methods_have_names_of_their_own() -> None:
    assert len({method.name for method in PRUNERS.values()}) == len(PRUNERS)
    assert prune_to in PRUNERS.values()
    assert prune_iteratively.name != iterative(rounds=4).name
