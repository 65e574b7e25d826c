import pytest
import torch
from torch import nn

from compress.constraints import Cardinality, Levels
from compress.errors import CodesignError
from compress.schedules import FallingCardinality
from compress.split import Constraint, SplitVariable, parameter_groups, penalty_gradient, project_weights


@pytest.fixture
def constraints() -> list[Constraint]:
    both = Constraint(("0", "4"), Cardinality(60), penalty=0.5)
    return [Constraint(("4",), Cardinality(50)), Constraint(("0",), Levels(3, 0.1), penalty=3.0), both]


def test_the_penalty_gradient_is_that_of_the_equation(small_network: nn.Module, constraints: list[Constraint]) -> None:
    variables = [SplitVariable(small_network, constraint) for constraint in constraints]
    for variable in variables:
        variable.u = torch.randn(variable.z.shape, generator=torch.Generator().manual_seed(0)) / 10
    weights = [small_network.get_parameter(f"{layer}.weight") for layer in ("0", "4")]
    penalty = torch.zeros(())
    for variable in variables:
        parameters = [small_network.get_parameter(f"{layer}.weight") for layer in variable.constraint.layers]
        value = parameters[0] if len(parameters) == 1 else torch.cat([p.reshape(-1) for p in parameters])
        penalty = penalty + 0.7 * variable.constraint.penalty / 2 * (value - variable.z + variable.u).square().sum()
    expected = torch.autograd.grad(penalty, weights)
    weights[0].grad = torch.ones_like(weights[0])  # a loss's gradient is kept
    optimizer = torch.optim.SGD(parameter_groups(small_network, variables), lr=0.1)
    start = [weight.detach().clone() for weight in weights]
    bias = small_network.get_parameter("4.bias").detach().clone()
    penalty_gradient(variables, 0.7, optimizer)()
    optimizer.step()
    torch.testing.assert_close(weights[0].detach(), start[0] - 0.1 * (expected[0] + 1))
    torch.testing.assert_close(weights[1].detach(), start[1] - 0.1 * expected[1])
    assert torch.equal(small_network.get_parameter("4.bias"), bias)


def test_one_cardinality_spans_the_network(small_network: nn.Module) -> None:
    names = ("0", "4")
    flat = torch.cat([small_network.get_parameter(f"{name}.weight").detach().reshape(-1) for name in names])
    project_weights(small_network, [Constraint(names, Cardinality(100))])
    after = torch.cat([small_network.get_parameter(f"{name}.weight").detach().reshape(-1) for name in names])
    assert torch.equal(after, Cardinality(100).project(flat))


def test_a_schedules_sets_follow_the_iterations(small_network: nn.Module) -> None:
    variable = SplitVariable(small_network, Constraint(("4",), FallingCardinality(270, 10, rise=0.5)))
    counts = [int(variable.z.count_nonzero())]
    for portion in (0.25, 0.5, 1.0):
        variable.update(portion)
        counts.append(int(variable.z.count_nonzero()))
    assert counts == [270, 52, 10, 10]


@pytest.mark.parametrize(
    "make", [lambda: Constraint((), Cardinality(1)), lambda: Constraint(("0",), Cardinality(1), 0)]
)
def test_an_impossible_constraint_is_a_clear_error(make: object) -> None:
    with pytest.raises(CodesignError, match="constraint on"):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(("first", "last", "rise"), [(1, 2, 0.5), (5, 0, 0.5), (5, 2, 0.0), (5, 2, 1.1)])
def test_an_impossible_schedule_is_a_clear_error(first: int, last: int, rise: float) -> None:
    with pytest.raises(CodesignError, match="cannot fall"):
        FallingCardinality(first, last, rise)
