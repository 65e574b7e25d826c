"""ADMM for any constraint sets: train towards a projection, project, add the difference to the dual, repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from compress.checkpoint import Checkpoint
from compress.constraints import ConstraintSet
from compress.data import Dataset
from compress.errors import CodesignError
from compress.training import (
    FixedWeights,
    Progress,
    check_positive,
    evaluate,
    falling_rate,
    seeded,
    suitable_threads,
    train_epoch,
)

__all__ = ["AdmmConfig", "AdmmStep", "Constraint", "Residual", "admm", "penalty_at"]


@dataclass(frozen=True)
class AdmmConfig:
    """How to run ADMM and the retraining after it.

    Members
    -------
    iterations : int
        At most so many W-, Z- and U-steps.
    epochs_per_iteration : int
        Of a W-step.
    rho_first, rho_last : float
        Penalty of the first and last iteration, rising geometrically in between; equal ones keep it constant as
        the papers do (003 section 3.4.1).
    tolerance : float
        Stop when every residual, relative to ||Z||^2, is at most this. 0 runs all iterations.
    retrain_epochs : int
        Of the masked retraining after pruning, and of each retraining between quantized portions.
    batch_size, learning_rate, augment_shift, seed
        As in ``TrainingConfig``; the rate falls over the iterations, and again in each retraining.
    """

    iterations: int = 60
    epochs_per_iteration: int = 1
    rho_first: float = 1e-2
    rho_last: float = 1.0
    tolerance: float = 1e-3
    retrain_epochs: int = 40
    batch_size: int = 32
    learning_rate: float = 2e-3
    augment_shift: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        check_positive(self, may_be_zero=("tolerance", "retrain_epochs", "augment_shift", "seed"))


@dataclass(frozen=True)
class Constraint:
    """These layers' weights shall end in this set.

    One layer's weights are projected in their own shape; those of several are laid out flat, one after the other,
    so that one set can span a network. A layer may stand in several constraints (000 eq. (4)).

    Members
    -------
    penalty : float
        The constraint's rho_i as a multiple of the common rho.
    """

    layers: tuple[str, ...]
    target: ConstraintSet
    penalty: float = 1.0

    @property
    def name(self) -> str:
        """The layers' names, joined by plus signs."""
        return "+".join(self.layers)


@dataclass(frozen=True)
class Residual:
    """How far a constraint is from convergence: the two sides of 000 eq. (12), and what they are relative to.

    ``primal`` is ||W - Z||_F^2, ``dual`` is ||Z_new - Z_old||_F^2, ``size`` is ||Z_new||_F^2.
    """

    constraint: str
    primal: float
    dual: float
    size: float

    @property
    def relative(self) -> float:
        """The larger residual over ``size``."""
        return max(self.primal, self.dual) / max(self.size, 1e-30)


@dataclass(frozen=True)
class AdmmStep:
    """One iteration: its penalty, the W-step's mean loss, the validation accuracy of W, and the residuals."""

    iteration: int
    rho: float
    training_loss: float
    validation_accuracy: float
    residuals: tuple[Residual, ...]


def admm(
    network: nn.Module,
    dataset: Dataset,
    constraints: Sequence[Constraint],
    config: AdmmConfig,
    *,
    fixed: FixedWeights | None = None,
    checkpoint: Checkpoint | None = None,
    stage: str = "admm",
    progress: Progress | None = None,
) -> tuple[AdmmStep, ...]:
    """Move a trained network's weights close to constraint sets, in place; a hard projection is the caller's.

    Each iteration k (003 section 3.2, with the scaled dual U):

    - W-step: Adam on f(W) + sum rho_i/2 ||W_i - Z_i + U_i||_F^2 (003 eq. (5));
    - Z-step: Z_i := projection of W_i + U_i onto the set (003 eq. (7));
    - U-step: U_i := U_i + W_i - Z_i (000 eq. (10)).

    It starts from Z = projection of W and U = 0 (002 section 4). When rho rises, U is scaled down by as much, which
    keeps the Lagrange multiplier rho U.

    Parameters
    ----------
    fixed : FixedWeights, optional
        Weights that stay, as the pruned ones in quantization (000 eq. (15)).
    checkpoint : Checkpoint, optional
        Holds the state after every iteration under ``stage``, and is resumed from with identical results.
    """
    optimizer = torch.optim.Adam(network.parameters(), config.learning_rate)
    with seeded(config.seed), suitable_threads(network):
        run = _Run(network, optimizer, constraints)
        if checkpoint is not None and (state := checkpoint.get(stage)) is not None:
            run.load(state)
        while not run.finished(config):
            run.steps.append(_iterate(run, dataset, config, fixed))
            if checkpoint is not None:
                checkpoint.put(stage, run.state())
            if progress is not None:
                done = config.iterations if run.finished(config) else len(run.steps)
                progress(stage, done, config.iterations)
    network.eval()
    return tuple(run.steps)


def penalty_at(config: AdmmConfig, iteration: int) -> float:
    """The rho of an iteration, on the geometric way from ``rho_first`` to ``rho_last``."""
    portion = iteration / max(1, config.iterations - 1)
    return float(config.rho_first * (config.rho_last / config.rho_first) ** portion)


def _iterate(run: _Run, dataset: Dataset, config: AdmmConfig, fixed: FixedWeights | None) -> AdmmStep:
    iteration = len(run.steps)
    rho = penalty_at(config, iteration)
    if run.steps:
        run.scale_duals(run.steps[-1].rho / rho)
    for group in run.optimizer.param_groups:
        group["lr"] = falling_rate(config.learning_rate, iteration, config.iterations)
    for _ in range(config.epochs_per_iteration):
        loss = train_epoch(
            run.network,
            dataset.train,
            run.optimizer,
            config.batch_size,
            config.augment_shift,
            penalty=lambda: run.penalty(rho),
            fixed=fixed,
        )
    residuals = tuple(variable.project() for variable in run.variables)
    return AdmmStep(iteration, rho, loss, evaluate(run.network, dataset.validation)[1], residuals)


class _SplitVariable:
    """Z and U of one constraint."""

    def __init__(self, network: nn.Module, constraint: Constraint) -> None:
        self.constraint = constraint
        self._weights = [_weight(network, layer) for layer in constraint.layers]
        self.z = constraint.target.project(self.value().detach())
        self.u = torch.zeros_like(self.z)

    def value(self) -> Tensor:
        """W: differentiable."""
        if len(self._weights) == 1:
            return self._weights[0]
        return torch.cat([weight.reshape(-1) for weight in self._weights])

    def penalty(self, rho: float) -> Tensor:
        return rho * self.constraint.penalty / 2 * (self.value() - (self.z - self.u)).square().sum()

    @torch.no_grad()
    def project(self) -> Residual:
        """Z-step, then U-step."""
        weights, old = self.value(), self.z
        self.z = self.constraint.target.project(weights + self.u)
        self.u += weights - self.z
        primal, dual, size = (float(part.square().sum()) for part in (weights - self.z, self.z - old, self.z))
        return Residual(self.constraint.name, primal, dual, size)


class _Run:
    """What a checkpoint must hold of an ADMM run."""

    def __init__(self, network: nn.Module, optimizer: torch.optim.Optimizer, constraints: Sequence[Constraint]) -> None:
        self.network = network
        self.optimizer = optimizer
        self.variables = [_SplitVariable(network, constraint) for constraint in constraints]
        self.steps: list[AdmmStep] = []

    def finished(self, config: AdmmConfig) -> bool:
        if len(self.steps) >= config.iterations or not self.variables:
            return True
        return bool(self.steps) and all(residual.relative <= config.tolerance for residual in self.steps[-1].residuals)

    def penalty(self, rho: float) -> Tensor:
        return torch.stack([variable.penalty(rho) for variable in self.variables]).sum()

    def scale_duals(self, factor: float) -> None:
        for variable in self.variables:
            variable.u *= factor

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "z": [variable.z for variable in self.variables],
            "u": [variable.u for variable in self.variables],
            "steps": [asdict(step) for step in self.steps],
        }

    def load(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        for variable, z, u in zip(self.variables, state["z"], state["u"], strict=True):
            variable.z, variable.u = z, u
        self.steps = [_step_from(members) for members in state["steps"]]


def _step_from(members: dict[str, Any]) -> AdmmStep:
    return AdmmStep(**{**members, "residuals": tuple(Residual(**residual) for residual in members["residuals"])})


def _weight(network: nn.Module, layer: str) -> nn.Parameter:
    try:
        return network.get_parameter(f"{layer}.weight")
    except AttributeError as error:
        raise CodesignError(f"the network has no layer {layer!r} with weights", "check the layer names") from error
