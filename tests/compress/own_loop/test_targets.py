from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from compress.admm.iteration import AdmmConfig
from compress.admm.schedules import FallingCardinality
from compress.methods.target import Target
from compress.own_loop.targets import constraints_of, intervals_of, says_only_which_are_zero, with_intervals
from compress.sets.balance import GroupCardinality, InputPattern
from compress.sets.centroids import Clusters
from compress.sets.constraints import Cardinality, ConstraintSet, Levels, LevelsOrZero, search_interval
from tests.compress.own_loop.loops import branching_network, weights

SPARSE: list[ConstraintSet] = [Cardinality(7), GroupCardinality(1, 2), InputPattern(1, 3)]
VALUED: list[Callable[[Tensor], ConstraintSet]] = [
    lambda given: Levels(3, search_interval(given, 3)),
    lambda given: LevelsOrZero(3, search_interval(given, 3)),
    lambda _given: Clusters(2),
]
CONFIG = AdmmConfig()


def drawn(seed: int) -> Tensor:
    return torch.randn(4, 6, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("target", SPARSE, ids=repr)
@given(seed=st.integers(0, 1000))
def test_sparse_sets_say_only_which_weights_are_zero(target: ConstraintSet, seed: int) -> None:
    assert says_only_which_are_zero(target, target.project(drawn(seed)))


@pytest.mark.parametrize("make", VALUED, ids=["levels", "levels or zero", "clusters"])
@given(seed=st.integers(0, 1000))
def test_levels_and_clusters_say_more(make: Callable[[Tensor], ConstraintSet], seed: int) -> None:
    target = make(drawn(seed))
    assert not says_only_which_are_zero(target, target.project(drawn(seed)))


def test_joint_levels_are_searched_on_the_weights_that_pruning_would_keep() -> None:
    network = branching_network()
    before = weights(network)
    sparse, *levels = constraints_of(network, Target(ratio=10, scope="network", weight_bits={"4": 3}), CONFIG)
    flat = torch.cat([weight.detach().reshape(-1) for weight in sparse.weights(network)])
    kept = sparse.target_at(1.0).project(flat)[-network.get_parameter("4.weight").numel() :]
    assert [constraint.target for constraint in levels] == [LevelsOrZero(3, search_interval(kept, 3))]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_falling_schedule_lets_the_count_fall() -> None:
    (constraint,) = constraints_of(branching_network(), Target(alphas={"4": 0.1}, schedule="falling"), CONFIG)
    assert constraint.target == FallingCardinality(360, 36, rise=0.6)


@given(intervals=st.lists(st.floats(1e-3, 10), min_size=4, max_size=4))
def test_intervals_of_a_run_are_put_back(intervals: list[float]) -> None:
    network = branching_network()
    constraints = constraints_of(network, Target(ratio=10, weight_bits={"*": 4}), CONFIG)
    assert intervals_of(constraints)[:4] == [None] * 4
    restored = with_intervals(constraints, [None, None, None, None, *intervals])
    assert restored[:4] == constraints[:4]
    assert intervals_of(restored)[4:] == intervals
