import itertools
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from compress.admm.schedules import FallingCardinality
from compress.admm.split_variables import Constraint, SplitVariable, project_weights
from compress.base.errors import CodesignError
from compress.sets.constraints import Cardinality


def test_one_cardinality_spans_the_network(small_network: nn.Module) -> None:
    names = ("0", "4")
    flat = torch.cat([small_network.get_parameter(f"{name}.weight").detach().reshape(-1) for name in names])
    project_weights(small_network, [Constraint(names, Cardinality(100))])
    after = torch.cat([small_network.get_parameter(f"{name}.weight").detach().reshape(-1) for name in names])
    assert torch.equal(after, Cardinality(100).project(flat))


@given(
    values=st.lists(st.floats(-4, 4, width=32), min_size=1, max_size=8),
    factors=st.lists(st.floats(0.125, 4, width=32), min_size=8, max_size=8),
    count=st.integers(0, 8),
    saliency=st.sampled_from([0.5, 1.0]),
)
def test_with_saliency_no_other_member_of_the_set_is_closer_in_the_metric(
    values: list[float], factors: list[float], count: int, saliency: float
) -> None:
    layer = nn.Linear(len(values), 1, bias=False)
    weights, sensitivity = torch.tensor([values]), torch.tensor([factors[: len(values)]])
    with torch.no_grad():
        layer.weight.copy_(weights)
    constraint = Constraint(("0",), Cardinality(count), saliency=saliency)
    project_weights(nn.Sequential(layer), [constraint], {layer.get_parameter("weight"): sensitivity})
    projected = layer.weight.detach()
    costs = (weights * sensitivity**saliency).square().reshape(-1)
    subsets = itertools.combinations(range(len(values)), max(0, len(values) - count))
    least = min(float(costs[list(dropped)].sum()) for dropped in subsets)
    assert torch.equal(projected, torch.where(projected != 0, weights, 0))
    assert int(projected.count_nonzero()) <= count
    assert float(costs[projected.reshape(-1) == 0].sum()) == pytest.approx(least, rel=1e-5)


def test_saliency_without_a_sensitivity_is_a_clear_error(small_network: nn.Module) -> None:
    constraint = Constraint(("4",), Cardinality(3), saliency=0.5)
    with pytest.raises(CodesignError, match="loss gradient of 4 was not measured"):
        project_weights(small_network, [constraint])
    with pytest.raises(CodesignError, match="may be frozen"):
        project_weights(small_network, [constraint], {})


def test_a_schedules_sets_follow_the_iterations(small_network: nn.Module) -> None:
    variable = SplitVariable(small_network, Constraint(("4",), FallingCardinality(270, 10, rise=0.5)))
    counts = [int(variable.z.count_nonzero())]
    for portion in (0.25, 0.5, 1.0):
        variable.update(portion)
        counts.append(int(variable.z.count_nonzero()))
    assert counts == [270, 52, 10, 10]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Constraint((), Cardinality(1)),
        lambda: Constraint(("0",), Cardinality(1), 0),
        lambda: Constraint(("0",), Cardinality(1), saliency=-0.5),
    ],
)
def test_an_impossible_constraint_is_a_clear_error(make: Callable[[], Constraint]) -> None:
    with pytest.raises(CodesignError, match="constraint on"):
        make()


@pytest.mark.parametrize(("first", "last", "rise"), [(1, 2, 0.5), (5, 0, 0.5), (5, 2, 0.0), (5, 2, 1.1)])
def test_an_impossible_schedule_is_a_clear_error(first: int, last: int, rise: float) -> None:
    with pytest.raises(CodesignError, match="cannot fall"):
        FallingCardinality(first, last, rise)
