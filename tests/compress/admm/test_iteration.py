import copy
import math
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

import pytest
import torch
from torch import nn

from compress.admm.iteration import AdmmConfig, AdmmStep, admm, penalty_at
from compress.admm.split_variables import Constraint, Residual, SplitVariable
from compress.base.errors import CodesignError
from compress.base.progress import Update
from compress.data.datasets import Dataset
from compress.sets.constraints import Cardinality, ConstraintSet, Levels
from compress.train.checkpoint import Checkpoint, describe_run
from compress.train.training import FixedWeights

SHORT = AdmmConfig(iterations=4, batch_size=16, tolerance=0)
THOROUGH = AdmmConfig(
    iterations=40, epochs_per_iteration=3, batch_size=16, learning_rate=1e-2, rho_first=1, rho_last=10, tolerance=0
)
SETS: dict[str, ConstraintSet] = {"0": Levels(3, 0.1), "4": Cardinality(50)}
CONSTRAINTS = tuple(Constraint((layer,), target) for layer, target in SETS.items())


def weights(network: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def last_relative(steps: tuple[AdmmStep, ...]) -> list[float]:
    return [residual.relative for residual in steps[-1].residuals]


def test_weights_move_onto_their_sets(small_network: nn.Module, small_data: Dataset) -> None:
    def distances() -> list[float]:
        pairs = [(network.get_parameter(f"{layer}.weight").detach(), target) for layer, target in SETS.items()]
        return [float((weight - target.project(weight)).norm() / weight.norm()) for weight, target in pairs]

    network = small_network
    before = distances()
    admm(network, small_data, CONSTRAINTS, THOROUGH)
    for start, end in zip(before, distances(), strict=True):
        assert end < start / 10


def test_every_iteration_records_the_residuals_of_each_layer(small_network: nn.Module, small_data: Dataset) -> None:
    steps = admm(small_network, small_data, CONSTRAINTS, SHORT)
    assert [step.iteration for step in steps] == [0, 1, 2, 3]
    for step in steps:
        assert [residual.constraint for residual in step.residuals] == ["0", "4"]
        assert all(residual.primal >= 0 and residual.dual >= 0 for residual in step.residuals)
        assert 0 <= step.validation_accuracy <= 1


def test_the_steps_are_those_of_the_equations(small_network: nn.Module, small_data: Dataset) -> None:
    """rho is so large that Adam's step is its rate towards Z - U, whatever the loss: computed by hand."""
    network = small_network
    weight = network.get_parameter("4.weight")
    start = weight.detach().clone()
    target = Cardinality(50)
    z = target.project(start)
    still = AdmmConfig(iterations=2, batch_size=96, rho_first=1e6, rho_last=1e6, tolerance=0, augment_shift=0)
    at_target = FixedWeights(network, {"4": start == z})  # the penalty does not move these, the loss would
    first, second = admm(network, small_data, [Constraint(("4",), target)], still, fixed=at_target)
    w_1 = start - 2e-3 * torch.sign(start - z)
    z_1 = target.project(w_1)
    u_1 = w_1 - z_1
    assert first.residuals[0].primal == pytest.approx(float((w_1 - z_1).square().sum()), rel=1e-3)
    assert first.residuals[0].dual == pytest.approx(float((z_1 - z).square().sum()), rel=1e-3)
    z_2 = target.project(weight.detach() + u_1)
    assert second.residuals[0].primal == pytest.approx(float((weight.detach() - z_2).square().sum()), rel=1e-3)


def test_it_stops_when_all_residuals_are_small(small_network: nn.Module, small_data: Dataset) -> None:
    config = replace(THOROUGH, tolerance=0.02)
    seen: list[Update] = []
    steps = admm(small_network, small_data, CONSTRAINTS, config, progress=seen.append)
    assert 1 < len(steps) < 40
    assert max(last_relative(steps)) <= 0.02
    assert all(max(last_relative(steps[: count + 1])) > 0.02 for count in range(len(steps) - 1))
    assert seen[-1] == Update("admm", 40, 40, steps[-1].figures)
    assert [update.figures["loss"] for update in seen] == [step.training_loss for step in steps]


def test_the_figures_of_a_step_are_its_largest_relative_residuals() -> None:
    residuals = (Residual("a", primal=2.0, dual=0.5, size=4.0), Residual("b", primal=1.0, dual=3.0, size=10.0))
    assert AdmmStep(7, 0.1, 0.25, 0.9, residuals).figures == {
        "loss": 0.25,
        "validation accuracy": 0.9,
        "primal residual": 0.5,
        "dual residual": 0.3,
        "rho": 0.1,
    }


def test_rho_rises_geometrically() -> None:
    config = AdmmConfig(iterations=3, rho_first=0.01, rho_last=1)
    assert [penalty_at(config, iteration) for iteration in range(3)] == pytest.approx([0.01, 0.1, 1])
    assert penalty_at(replace(config, iterations=1), 0) == 0.01


def test_along_a_cosine_rho_is_slow_at_both_ends() -> None:
    config = AdmmConfig(iterations=5, rho_first=1.0, rho_last=3.0, rho_ramp="cosine")
    assert [penalty_at(config, step) for step in range(5)] == pytest.approx([1, 2 - 0.5**0.5, 2, 2 + 0.5**0.5, 3])


def test_z_steps_within_an_iteration_carry_the_penalty_on() -> None:
    whole, parts = AdmmConfig(iterations=6), AdmmConfig(iterations=2, z_steps=3)
    assert [penalty_at(whole, step) for step in range(6)] == [penalty_at(parts, step) for step in range(6)]


@pytest.mark.parametrize("z_steps", [1, 2, 3, 6, 9])
def test_z_steps_are_spread_over_the_w_step(z_steps: int, small_network: nn.Module, small_data: Dataset) -> None:
    """Six W-steps an iteration; after so many of them Z- and U-steps are taken."""
    counted = Mock(wraps=SplitVariable.update)
    config = AdmmConfig(iterations=2, batch_size=16, tolerance=0, z_steps=z_steps, saliency=0.5)
    with patch.object(SplitVariable, "update", lambda *given: counted(*given)):
        steps = admm(small_network, small_data, [Constraint(("4",), Cardinality(20), saliency=0.5)], config)
    portions = [call.args[1] for call in counted.call_args_list]
    assert portions == pytest.approx([(step + 1) / (2 * z_steps) for step in range(2 * z_steps)])
    assert [step.rho for step in steps] == pytest.approx(
        [penalty_at(config, z_steps - 1), penalty_at(config, 2 * z_steps - 1)]
    )


def test_one_set_can_span_layers(small_network: nn.Module, small_data: Dataset) -> None:
    steps = admm(small_network, small_data, [Constraint(("0", "4"), Cardinality(60))], SHORT)
    assert steps[0].residuals[0].constraint == "0+4"


def test_without_constraints_nothing_happens(small_network: nn.Module, small_data: Dataset) -> None:
    before = weights(small_network)
    assert admm(small_network, small_data, [], SHORT) == ()
    assert torch.equal(weights(small_network), before)


class InterruptedRunError(Exception):
    pass


@pytest.mark.parametrize("config", [SHORT, replace(SHORT, z_steps=4, sharpness=0.1, rho_ramp="cosine")])
@pytest.mark.parametrize("interrupted_after", [1, 3, 4])
def test_a_resumed_run_ends_as_an_undisturbed_one(
    small_network: nn.Module, small_data: Dataset, tmp_path: Path, interrupted_after: int, config: AdmmConfig
) -> None:
    expected = copy.deepcopy(small_network)
    steps = admm(expected, small_data, CONSTRAINTS, config)

    def stop(update: Update) -> None:
        if update.done == interrupted_after:
            raise InterruptedRunError

    run = describe_run("test", small_network, small_data, config)
    broken = copy.deepcopy(small_network)
    with pytest.raises(InterruptedRunError):
        admm(broken, small_data, CONSTRAINTS, config, checkpoint=Checkpoint(tmp_path / "c", run), progress=stop)
    resumed = copy.deepcopy(small_network)
    assert admm(resumed, small_data, CONSTRAINTS, config, checkpoint=Checkpoint(tmp_path / "c", run)) == steps
    assert torch.equal(weights(resumed), weights(expected))


def test_an_unknown_layer_is_a_clear_error(small_network: nn.Module, small_data: Dataset) -> None:
    with pytest.raises(CodesignError, match="fc9"):
        admm(small_network, small_data, [Constraint(("fc9",), Cardinality(1))], SHORT)


@pytest.mark.parametrize("changes", [{"iterations": 0}, {"rho_first": 0}, {"rho_last": math.inf}, {"tolerance": -1}])
def test_a_setting_out_of_range_is_a_clear_error(changes: dict[str, Any]) -> None:
    with pytest.raises(CodesignError, match=next(iter(changes))):
        AdmmConfig(**changes)
