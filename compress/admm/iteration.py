"""ADMM for any constraint sets: train towards a projection, project, add the difference to the dual, repeat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

from compress.admm.penalty import Penalty
from compress.admm.sensitivity import sensitivity_for
from compress.admm.settings import AdmmConfig, penalty_at
from compress.admm.split_variables import Constraint, Residual, SplitVariable, parameter_groups
from compress.base.progress import Progress, Update
from compress.data.datasets import Dataset, Split
from compress.train.checkpoint import Checkpoint
from compress.train.distributed import share_buffers
from compress.train.epoch import Loss, evaluate, steps_per_epoch, train_epoch
from compress.train.settings import (
    falling_rate,
    make_optimizer,
    on_device,
    random_state,
    seeded,
    set_random_state,
    set_rate,
    torch_threads,
)
from compress.train.trainable import check_trainable
from compress.train.training import FixedWeights

__all__ = ["AdmmConfig", "AdmmStep", "admm", "penalty_at"]


@dataclass(frozen=True)
class AdmmStep:
    """One iteration: its penalty, the W-step's mean loss, the validation accuracy of W, and the residuals.

    Of another task than classification the accuracy is the task's figure.
    """

    iteration: int
    rho: float
    training_loss: float
    validation_accuracy: float
    residuals: tuple[Residual, ...]

    @property
    def figures(self) -> dict[str, float]:
        """What is worth watching while it runs; of the relative residuals the largest."""
        return {
            "loss": self.training_loss,
            "validation accuracy": self.validation_accuracy,
            "primal residual": max(residual.relative_primal for residual in self.residuals),
            "dual residual": max(residual.relative_dual for residual in self.residuals),
            "rho": self.rho,
        }


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
    loss_of: Loss | None = None,
) -> tuple[AdmmStep, ...]:
    """Move a trained network's weights close to constraint sets, in place; a hard projection is the caller's.

    Each iteration k (003 section 3.2, with the scaled dual U):

    - W-step: Adam or SGD on f(W) + sum rho_i/2 ||W_i - Z_i + U_i||_F^2 (003 eq. (5));
    - Z-step: Z_i := projection of W_i + U_i onto the set (003 eq. (7));
    - U-step: U_i := U_i + W_i - Z_i (000 eq. (10)).

    With ``config.z_steps`` Z- and U-steps are taken that often in each iteration, the W-step going on in between.

    It starts from Z = the Euclidean projection of W and U = 0 (002 section 4). A constraint with saliency measures it
    anew before each Z-step, on 4,096 training images. When rho rises, U is scaled down by as much, which
    keeps the Lagrange multiplier rho U.

    Parameters
    ----------
    fixed : FixedWeights, optional
        Weights that stay, as the pruned ones in quantization (000 eq. (15)).
    checkpoint : Checkpoint, optional
        Holds the state after every iteration under ``stage``, and is resumed from with identical results.
    loss_of : callable, optional
        f; by default the loss of the data's task.
    """
    check_trainable(network, dataset, config.batch_size)
    with seeded(config.seed), torch_threads(config.threads), on_device(network, config.device):
        run = _Run(network, constraints, config)
        if checkpoint is not None and (state := checkpoint.get(stage)) is not None:
            run.load(state)
        while not run.finished():
            run.steps.append(run.iterate(dataset, fixed, loss_of))
            if checkpoint is not None:
                checkpoint.put(stage, run.state())
            if progress is not None:
                done = config.iterations if run.finished() else len(run.steps)
                progress(Update(stage, done, config.iterations, dataset.task.named(run.steps[-1].figures)))
    network.eval()
    return tuple(run.steps)


class _Run:
    """What a checkpoint must hold of an ADMM run."""

    def __init__(self, network: nn.Module, constraints: Sequence[Constraint], config: AdmmConfig) -> None:
        self.network = network
        self.config = config
        self.variables = [SplitVariable(network, constraint) for constraint in constraints]
        self.optimizer = make_optimizer(
            config.optimizer, parameter_groups(network, self.variables), config.learning_rate
        )
        self.penalty = Penalty(self.variables, self.optimizer)
        self.steps: list[AdmmStep] = []
        self.rho = config.rho_first

    def iterate(self, dataset: Dataset, fixed: FixedWeights | None, loss_of: Loss | None) -> AdmmStep:
        config, iteration = self.config, len(self.steps)
        set_rate(self.optimizer, falling_rate(config.learning_rate, iteration, config.iterations))
        w_step = _WStep(self, dataset, fixed)
        for _ in range(config.epochs_per_iteration):
            loss = train_epoch(
                self.network,
                dataset.train,
                self.optimizer,
                config.batch_size,
                config.augment_shift,
                augment_flip=config.augment_flip,
                bfloat16=config.precision == "bfloat16",
                loss_of=loss_of,
                sharpness=config.sharpness,
                pull=w_step.pull,
                after_step=w_step.count,
            )
        residuals = w_step.finish()
        return AdmmStep(iteration, self.rho, loss, evaluate(self.network, dataset.validation)[1], residuals)

    @property
    def z_steps_before(self) -> int:
        """Of the iterations that are done."""
        return len(self.steps) * self.config.z_steps

    def begin_z_step(self, number: int) -> Callable[[], None]:
        """The penalty up to a Z-step, counted over all iterations: what adds its gradient."""
        rho = penalty_at(self.config, number)
        if number:
            for variable in self.variables:
                variable.u *= self.rho / rho
        self.rho = rho
        return self.penalty.gradient(rho)

    def z_step(self, number: int, split: Split) -> tuple[Residual, ...]:
        """Z- and U-step of all constraints."""
        share_buffers(self.network)
        sensitivity = sensitivity_for([variable.constraint for variable in self.variables], self.network, split)
        return tuple(variable.update(self._portion(number), sensitivity) for variable in self.variables)

    def finished(self) -> bool:
        """All iterations done; or residuals small and the sets the final ones."""
        if len(self.steps) >= self.config.iterations or not self.variables:
            return True
        if not self.steps or any(r.relative > self.config.tolerance for r in self.steps[-1].residuals):
            return False
        portion = self._portion(self.z_steps_before - 1)
        constraints = [variable.constraint for variable in self.variables]
        return all(constraint.target_at(portion) == constraint.target_at(1.0) for constraint in constraints)

    def _portion(self, z_step: int) -> float:
        return (z_step + 1) / (self.config.iterations * self.config.z_steps)

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": random_state(),
            "z": [variable.z for variable in self.variables],
            "u": [variable.u for variable in self.variables],
            "steps": [asdict(step) for step in self.steps],
        }

    def load(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        set_random_state(state["random"])
        for variable, z, u in zip(self.variables, state["z"], state["u"], strict=True):
            variable.load(z, u)
        self.steps = [_step_from(members) for members in state["steps"]]
        self.rho = self.steps[-1].rho


class _WStep:
    """An iteration's training: the penalty in its gradients, and the Z- and U-steps that come before its end."""

    def __init__(self, run: _Run, dataset: Dataset, fixed: FixedWeights | None) -> None:
        self._run, self._split, self._fixed = run, dataset.train, fixed
        config = run.config
        self._steps = config.epochs_per_iteration * steps_per_epoch(len(dataset.train), config.batch_size)
        self._done = self._taken = 0
        self._add_penalty = run.begin_z_step(run.z_steps_before)

    def pull(self) -> None:
        """Before every step."""
        self._add_penalty()

    def count(self) -> None:
        """After every step: the Z-steps that are due, all but the last."""
        if self._fixed is not None:
            self._fixed.restore()
        self._done += 1
        while self._taken < min(self._done * self._run.config.z_steps // self._steps, self._run.config.z_steps - 1):
            self._take()
            self._add_penalty = self._run.begin_z_step(self._run.z_steps_before + self._taken)
            self._run.network.train()

    def finish(self) -> tuple[Residual, ...]:
        """The last Z-step."""
        return self._take()

    def _take(self) -> tuple[Residual, ...]:
        residuals = self._run.z_step(self._run.z_steps_before + self._taken, self._split)
        self._taken += 1
        return residuals


def _step_from(members: dict[str, Any]) -> AdmmStep:
    return AdmmStep(**{**members, "residuals": tuple(Residual(**residual) for residual in members["residuals"])})
