"""Train a network with a falling rate; the epoch that validates best is kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from compress.base.progress import Progress, Update
from compress.base.settings import Count, CountOrZero, Rate, RateOrZero, Seed, Text, settings
from compress.data.datasets import Dataset, Split
from compress.data.task import Task
from compress.train.checkpoint import Checkpoint
from compress.train.epoch import Loss, evaluate, train_epoch
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

__all__ = ["EpochRecord", "FixedWeights", "TrainingConfig", "accuracy", "fit", "train"]


@settings
class TrainingConfig:
    """How to train.

    Members
    -------
    epochs : int
        0 leaves the weights as they are.
    batch_size : int
    learning_rate : float
        In the first epoch; it falls along a cosine to 2 %.
    weight_decay : float
        Added to the gradient as ``weight_decay * weight``.
    augment_shift : int
        Maximum shift of each image along both axes, in pixels; 0 shifts none. Only classification shifts: targets of
        other tasks may say where something is.
    seed : int
        Order of the images, shifts, dropout. One seed and one number of threads give one result.
    device : str
        Where to train, as torch names it: "cpu", "cuda". The network comes back to where it was.
    threads : int
        Of torch on the CPU while it trains, whatever ``torch.set_num_threads`` says; it is as before afterwards.
    augment_flip : bool
        Mirror each image left to right with probability 1/2.
    precision : str
        "float32"; or "bfloat16", in which convolutions and products are computed while weights and validation stay
        float32: ResNet-20 trains 1.6 times as fast on a processor that has it.
    optimizer : str
        "adam"; or "sgd" with Nesterov's momentum of 0.9, which wants a learning rate about 20 times as high.
    """

    epochs: CountOrZero = 40
    batch_size: Count = 32
    learning_rate: Rate = 2e-3
    weight_decay: RateOrZero = 1e-4
    augment_shift: CountOrZero = 1
    seed: Seed = 0
    device: Text = "cpu"
    threads: Threads = TORCH_THREADS
    augment_flip: bool = False
    precision: Precision = "float32"
    optimizer: OptimizerName = "adam"

    def __post_init__(self) -> None:
        check_device(self.device)


@dataclass(frozen=True)
class EpochRecord:
    """One epoch: mean training loss, then loss and accuracy (a fraction) on the validation split.

    Of another task than classification the accuracy is the task's figure.
    """

    epoch: int
    training_loss: float
    validation_loss: float
    validation_accuracy: float

    @property
    def figures(self) -> dict[str, float]:
        """What is worth watching while it trains."""
        return {"loss": self.training_loss, "validation accuracy": self.validation_accuracy}


class FixedWeights:
    """Weights that training must not move: after every step they are put back, bit for bit.

    Parameters
    ----------
    network : nn.Module
        Its current weights are the ones put back.
    fixed : mapping of layer name to bool tensor
        True where the layer's weight stays.
    """

    def __init__(self, network: nn.Module, fixed: Mapping[str, Tensor]) -> None:
        weights = ((network.get_parameter(f"{name}.weight"), mask) for name, mask in fixed.items())
        self._entries = [(weight, mask.to(weight.device), weight.detach().clone()) for weight, mask in weights]

    @classmethod
    def outside(cls, network: nn.Module, masks: Mapping[str, Tensor]) -> FixedWeights:
        """Fix the weights that masks leave out, which makes training a masked one."""
        return cls(network, {name: ~mask for name, mask in masks.items()})

    @torch.no_grad()
    def restore(self) -> None:
        """Put the fixed weights back."""
        for weight, mask, values in self._entries:
            weight.copy_(torch.where(mask, values, weight))


def train(
    network: nn.Module,
    dataset: Dataset,
    config: TrainingConfig,
    progress: Progress | None = None,
    *,
    fixed: FixedWeights | None = None,
    after_step: Callable[[], None] | None = None,
    checkpoint: Checkpoint | None = None,
    stage: str = "train",
) -> tuple[EpochRecord, ...]:
    """Minimize the loss of the data's task in place, and leave the network as it validated best.

    The start counts as a candidate, so retraining never makes the validation accuracy, or the figure of another task,
    worse; of equal ones the lower validation loss wins.

    Parameters
    ----------
    fixed : FixedWeights, optional
        Put back after every step: masked retraining.
    after_step : callable, optional
        Instead of ``fixed``, what else to do with the weights after every step.
    checkpoint : Checkpoint, optional
        Holds the state after every epoch under ``stage``, and is resumed from.

    Raises
    ------
    CodesignError
        What ``check_trainable`` raises, before the first step.
    """
    check_trainable(network, dataset, config.batch_size)
    return fit(
        network, dataset, config, progress, fixed=fixed, after_step=after_step, checkpoint=checkpoint, stage=stage
    )


def fit(
    network: nn.Module,
    dataset: Dataset,
    config: TrainingConfig,
    progress: Progress | None = None,
    *,
    fixed: FixedWeights | None = None,
    after_step: Callable[[], None] | None = None,
    checkpoint: Checkpoint | None = None,
    stage: str = "train",
    loss_of: Loss | None = None,
) -> tuple[EpochRecord, ...]:
    """``train`` without its check: for a method that checked the network before it gave it parametrizations.

    It may minimize another loss; validation is by cross-entropy and accuracy.
    """
    after_step = after_step if fixed is None else fixed.restore
    with seeded(config.seed), torch_threads(config.threads), on_device(network, config.device):
        optimizer = make_optimizer(config.optimizer, network.parameters(), config.learning_rate, config.weight_decay)
        run = _resumed_run(network, optimizer, dataset, checkpoint, stage)
        for epoch in range(len(run.history), config.epochs):
            set_rate(optimizer, falling_rate(config.learning_rate, epoch, config.epochs))
            loss = train_epoch(
                network,
                dataset.train,
                optimizer,
                config.batch_size,
                config.augment_shift,
                augment_flip=config.augment_flip,
                bfloat16=config.precision == "bfloat16",
                loss_of=loss_of,
                after_step=after_step,
            )
            run.add(EpochRecord(epoch, loss, *evaluate(network, dataset.validation)))
            if checkpoint is not None:
                checkpoint.put(stage, run.state())
            if progress is not None:
                progress(Update(stage, epoch + 1, config.epochs, dataset.task.named(run.history[-1].figures)))
    network.load_state_dict(run.best)
    network.eval()
    return tuple(run.history)


def accuracy(network: nn.Module, split: Split) -> float:
    """Fraction of a split's images that the network classifies as labelled; of another task its figure."""
    return evaluate(network, split)[1]


class _Run:
    """What a checkpoint must hold of a training run."""

    def __init__(self, network: nn.Module, optimizer: torch.optim.Optimizer, task: Task) -> None:
        self.network = network
        self.task = task
        self.optimizer = optimizer
        self.history: list[EpochRecord] = []
        self.best: dict[str, Tensor] = {}
        self._best_score = (-math.inf, -math.inf)

    def consider(self, validation_loss: float, figure: float) -> None:
        score = (self.task.metric.score(figure), -validation_loss)
        if score > self._best_score:
            self._best_score = score
            self.best = {name: value.detach().clone() for name, value in self.network.state_dict().items()}

    def add(self, record: EpochRecord) -> None:
        self.history.append(record)
        self.consider(record.validation_loss, record.validation_accuracy)

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": random_state(),
            "history": [asdict(record) for record in self.history],
            "best": self.best,
            "best_score": self._best_score,
        }

    def load(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        set_random_state(state["random"])
        self.history = [EpochRecord(**record) for record in state["history"]]
        self.best = state["best"]
        self._best_score = state["best_score"]


def _resumed_run(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    dataset: Dataset,
    checkpoint: Checkpoint | None,
    stage: str,
) -> _Run:
    run = _Run(network, optimizer, dataset.task)
    state = checkpoint.get(stage) if checkpoint is not None else None
    if state is None:
        run.consider(*evaluate(network, dataset.validation))
    else:
        run.load(state)
    return run
