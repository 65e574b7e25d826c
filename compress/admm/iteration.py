"""ADMM for any constraint sets: train towards a projection, project, add the difference to the dual, repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import Field
from torch import nn

from compress.admm.penalty import Penalty
from compress.admm.sensitivity import sensitivity_for
from compress.admm.split_variables import Constraint, Residual, SplitVariable, parameter_groups
from compress.base.progress import Progress, Update
from compress.base.settings import Count, CountOrZero, Rate, RateOrZero, Seed, Text, settings
from compress.data.datasets import Dataset
from compress.train.checkpoint import Checkpoint
from compress.train.epoch import Loss, classification_loss, evaluate, train_epoch
from compress.train.settings import (
    TORCH_THREADS,
    OptimizerName,
    Precision,
    Threads,
    check_device,
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
from compress.train.training import FixedWeights, TrainingConfig

__all__ = ["AdmmConfig", "AdmmStep", "admm", "penalty_at"]


@settings
class AdmmConfig:
    """How to run ADMM and the retraining after it.

    Members
    -------
    iterations : int
        Maximum number of W-, Z- and U-steps.
    epochs_per_iteration : int
        Of a W-step.
    rho_first, rho_last : float
        Penalty of the first and last iteration, rising geometrically in between; equal ones keep it constant as
        the papers do (003 section 3.4.1).
    tolerance : float
        Stop when every residual, relative to ||Z||^2, is at most this. 0 runs all iterations.
    retrain_epochs : int
        Of the masked retraining after pruning, and of each retraining between quantized portions.
    sparsity_rise : float
        Where pruning is by count, the portion of the iterations in which the count falls from all weights to the
        wanted number (``FallingCardinality``); 0 asks for it at once, as the papers do.
    saliency : float
        Pruning compares weights by ``|w| g^saliency``, g how strongly the loss reacts to them (``Constraint``). 0
        compares magnitudes, as the papers do; 0.5 is the metric of Adam.
    calibration_images : int
        Training images, without their labels, that method "layer-wise" looks at.
    batch_size, learning_rate, augment_shift, seed, device, threads, augment_flip, precision, optimizer
        As in ``TrainingConfig``; the rate falls over the iterations, and again in each retraining.
    distillation : float
        Portion of the loss that is the distance to the answers of the network as the method was given it
        (``compress.train.distillation``); 0 is the cross-entropy with the labels alone.
    """

    iterations: Count = 60
    epochs_per_iteration: Count = 1
    rho_first: Rate = 1e-2
    rho_last: Rate = 1.0
    tolerance: RateOrZero = 1e-3
    retrain_epochs: CountOrZero = 40
    batch_size: Count = 32
    learning_rate: Rate = 2e-3
    augment_shift: CountOrZero = 1
    seed: Seed = 0
    sparsity_rise: Annotated[float, Field(ge=0, le=1, strict=True)] = 0.0
    saliency: RateOrZero = 0.0
    device: Text = "cpu"
    threads: Threads = TORCH_THREADS
    calibration_images: Count = 512
    augment_flip: bool = False
    precision: Precision = "float32"
    optimizer: OptimizerName = "adam"
    distillation: Annotated[float, Field(ge=0, le=1, strict=True)] = 0.0

    def __post_init__(self) -> None:
        check_device(self.device)

    @property
    def epochs(self) -> int:
        """Of the whole run, ADMM and one retraining: the budget that every method of a comparison gets."""
        return self.admm_epochs + self.retrain_epochs

    @property
    def admm_epochs(self) -> int:
        """Of ADMM alone."""
        return self.iterations * self.epochs_per_iteration

    def training(self, epochs: int, seed: int) -> TrainingConfig:
        """The same batches, rate and device without a penalty: how every method of this package retrains."""
        return TrainingConfig(
            epochs=epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=0.0,
            augment_shift=self.augment_shift,
            seed=seed,
            device=self.device,
            threads=self.threads,
            augment_flip=self.augment_flip,
            precision=self.precision,
            optimizer=self.optimizer,
        )


@dataclass(frozen=True)
class AdmmStep:
    """One iteration: its penalty, the W-step's mean loss, the validation accuracy of W, and the residuals."""

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
    loss_of: Loss = classification_loss,
) -> tuple[AdmmStep, ...]:
    """Move a trained network's weights close to constraint sets, in place; a hard projection is the caller's.

    Each iteration k (003 section 3.2, with the scaled dual U):

    - W-step: Adam or SGD on f(W) + sum rho_i/2 ||W_i - Z_i + U_i||_F^2 (003 eq. (5));
    - Z-step: Z_i := projection of W_i + U_i onto the set (003 eq. (7));
    - U-step: U_i := U_i + W_i - Z_i (000 eq. (10)).

    It starts from Z = the Euclidean projection of W and U = 0 (002 section 4). A constraint with saliency measures it
    anew before each Z-step, on 4,096 training images. When rho rises, U is scaled down by as much, which
    keeps the Lagrange multiplier rho U.

    Parameters
    ----------
    fixed : FixedWeights, optional
        Weights that stay, as the pruned ones in quantization (000 eq. (15)).
    checkpoint : Checkpoint, optional
        Holds the state after every iteration under ``stage``, and is resumed from with identical results.
    loss_of : callable
        f; the cross-entropy unless given.
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
                progress(Update(stage, done, config.iterations, run.steps[-1].figures))
    network.eval()
    return tuple(run.steps)


def penalty_at(config: AdmmConfig, iteration: int) -> float:
    """The rho of an iteration, on the geometric way from ``rho_first`` to ``rho_last``."""
    portion = iteration / max(1, config.iterations - 1)
    return float(config.rho_first * (config.rho_last / config.rho_first) ** portion)


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

    def iterate(self, dataset: Dataset, fixed: FixedWeights | None, loss_of: Loss) -> AdmmStep:
        config, iteration = self.config, len(self.steps)
        rho = penalty_at(config, iteration)
        self._keep_multipliers(rho)
        set_rate(self.optimizer, falling_rate(config.learning_rate, iteration, config.iterations))
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
                pull=self.penalty.gradient(rho),
                after_step=None if fixed is None else fixed.restore,
            )
        constraints = [variable.constraint for variable in self.variables]
        sensitivity = sensitivity_for(constraints, self.network, dataset.train)
        residuals = tuple(variable.update(self._portion(iteration), sensitivity) for variable in self.variables)
        return AdmmStep(iteration, rho, loss, evaluate(self.network, dataset.validation)[1], residuals)

    def finished(self) -> bool:
        """All iterations done; or residuals small and the sets the final ones."""
        if len(self.steps) >= self.config.iterations or not self.variables:
            return True
        if not self.steps or any(r.relative > self.config.tolerance for r in self.steps[-1].residuals):
            return False
        portion = self._portion(len(self.steps) - 1)
        constraints = [variable.constraint for variable in self.variables]
        return all(constraint.target_at(portion) == constraint.target_at(1.0) for constraint in constraints)

    def _portion(self, iteration: int) -> float:
        return (iteration + 1) / self.config.iterations

    def _keep_multipliers(self, rho: float) -> None:
        if self.steps:
            for variable in self.variables:
                variable.u *= self.steps[-1].rho / rho

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


def _step_from(members: dict[str, Any]) -> AdmmStep:
    return AdmmStep(**{**members, "residuals": tuple(Residual(**residual) for residual in members["residuals"])})
