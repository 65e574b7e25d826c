"""Train a network: Adam with a falling rate; the epoch that validates best is kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.checkpoint import Checkpoint
from compress.data import Dataset, Split
from compress.errors import CodesignError

__all__ = [
    "EpochRecord",
    "FixedWeights",
    "Progress",
    "TrainingConfig",
    "accuracy",
    "check_positive",
    "evaluate",
    "falling_rate",
    "seeded",
    "suitable_threads",
    "train",
    "train_epoch",
]

Progress = Callable[[str, int, int], None]

LAST_RATE_PORTION = 0.02
EVALUATION_BATCH = 1000
SMALL_NETWORK = 100_000  # parameters; digits-net trains two to ten times faster on one thread than on two


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Members
    -------
    epochs, batch_size : int
    learning_rate : float
        Of Adam, in the first epoch; it falls along a cosine to 2 %.
    weight_decay : float
        Added to the gradient as ``weight_decay * weight``.
    augment_shift : int
        Each image is moved by up to so many pixels in both directions; 0 leaves them.
    seed : int
        Order of the images, shifts, dropout. One seed and one number of threads give one result.
    """

    epochs: int = 40
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    augment_shift: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        check_positive(self, may_be_zero=("weight_decay", "augment_shift", "seed"))


def check_positive(config: Any, may_be_zero: tuple[str, ...] = ()) -> None:
    """Raise a CodesignError that names the first numeric member of a dataclass that is not positive and finite."""
    for name in (field.name for field in fields(config)):
        value = getattr(config, name)
        if not math.isfinite(value) or value < 0 or (value == 0 and name not in may_be_zero):
            wanted = "zero or more" if name in may_be_zero else "positive"
            raise CodesignError(f"{name} must be {wanted}, not {value}", f"correct {name}")


@dataclass(frozen=True)
class EpochRecord:
    """One epoch: mean training loss, then loss and accuracy (a fraction) on the validation split."""

    epoch: int
    training_loss: float
    validation_loss: float
    validation_accuracy: float


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
        self._entries = [(weight, mask, weight.detach().clone()) for weight, mask in weights]

    @torch.no_grad()
    def restore(self) -> None:
        """Put the fixed weights back."""
        for weight, mask, values in self._entries:
            weight.copy_(torch.where(mask, values, weight))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's random numbers start at ``seed`` inside, and are as before afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@contextmanager
def suitable_threads(network: nn.Module) -> Iterator[None]:
    """One torch thread inside for a small network, whose threads would only wait for each other."""
    threads = torch.get_num_threads()
    small = sum(parameter.numel() for parameter in network.parameters()) < SMALL_NETWORK
    torch.set_num_threads(1 if small else threads)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def falling_rate(first: float, epoch: int, epochs: int) -> float:
    """Learning rate of an epoch: half a cosine from ``first`` towards 2 % of it."""
    return first * (LAST_RATE_PORTION + (1 - LAST_RATE_PORTION) * (1 + math.cos(math.pi * epoch / epochs)) / 2)


def train(
    network: nn.Module,
    dataset: Dataset,
    config: TrainingConfig,
    progress: Progress | None = None,
    *,
    fixed: FixedWeights | None = None,
    checkpoint: Checkpoint | None = None,
    stage: str = "train",
) -> tuple[EpochRecord, ...]:
    """Minimize the cross-entropy in place, and leave the network as it validated best.

    The start counts as a candidate, so retraining never makes the validation accuracy worse; of equal accuracies
    the lower validation loss wins.

    Parameters
    ----------
    fixed : FixedWeights, optional
        Put back after every step: masked retraining.
    checkpoint : Checkpoint, optional
        Holds the state after every epoch under ``stage``, and is resumed from.
    """
    optimizer = torch.optim.Adam(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    with seeded(config.seed), suitable_threads(network):
        run = _resumed_run(network, optimizer, dataset, checkpoint, stage)
        for epoch in range(len(run.history), config.epochs):
            _set_rate(optimizer, falling_rate(config.learning_rate, epoch, config.epochs))
            loss = train_epoch(network, dataset.train, optimizer, config.batch_size, config.augment_shift, fixed=fixed)
            run.add(EpochRecord(epoch, loss, *evaluate(network, dataset.validation)))
            if checkpoint is not None:
                checkpoint.put(stage, run.state())
            if progress is not None:
                progress(stage, epoch + 1, config.epochs)
    network.load_state_dict(run.best)
    network.eval()
    return tuple(run.history)


def train_epoch(
    network: nn.Module,
    split: Split,
    optimizer: torch.optim.Optimizer,
    batch_size: int,
    augment_shift: int = 0,
    *,
    penalty: Callable[[], Tensor] | None = None,
    fixed: FixedWeights | None = None,
) -> float:
    """One pass over a split in random order; the mean loss, without the ``penalty`` added to it."""
    network.train()
    total = 0.0
    for batch in torch.randperm(len(split)).split(batch_size):
        optimizer.zero_grad()
        images = _shifted(split.images[batch], augment_shift)
        loss = functional.cross_entropy(network(images), split.labels[batch])
        total += loss.item() * len(batch)
        (loss if penalty is None else loss + penalty()).backward()
        optimizer.step()
        if fixed is not None:
            fixed.restore()
    if not math.isfinite(total):
        raise CodesignError("training diverged: the loss is not finite", "lower the learning rate")
    return total / len(split)


@torch.no_grad()
def evaluate(network: nn.Module, split: Split) -> tuple[float, float]:
    """Mean cross-entropy and accuracy (a fraction) on a split."""
    network.eval()
    loss, correct = 0.0, 0
    for start in range(0, len(split), EVALUATION_BATCH):
        labels = split.labels[start : start + EVALUATION_BATCH]
        logits = network(split.images[start : start + EVALUATION_BATCH])
        loss += functional.cross_entropy(logits, labels, reduction="sum").item()
        correct += int((logits.argmax(dim=1) == labels).sum())
    return loss / len(split), correct / len(split)


def accuracy(network: nn.Module, split: Split) -> float:
    """Fraction of a split's images that the network classifies as labelled."""
    return evaluate(network, split)[1]


class _Run:
    """What a checkpoint must hold of a training run."""

    def __init__(self, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.network = network
        self.optimizer = optimizer
        self.history: list[EpochRecord] = []
        self.best: dict[str, Tensor] = {}
        self._best_score = (-1.0, 0.0)

    def consider(self, validation_loss: float, validation_accuracy: float) -> None:
        score = (validation_accuracy, -validation_loss)
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
            "random": torch.get_rng_state(),
            "history": [asdict(record) for record in self.history],
            "best": self.best,
            "best_score": self._best_score,
        }

    def load(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
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
    run = _Run(network, optimizer)
    state = checkpoint.get(stage) if checkpoint is not None else None
    if state is None:
        run.consider(*evaluate(network, dataset.validation))
    else:
        run.load(state)
    return run


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _shifted(images_NCHW: Tensor, shift: int) -> Tensor:
    """Each image moved by its own random offset of up to ``shift`` pixels, zeros moving in."""
    if shift == 0:
        return images_NCHW
    count, _, height, width = images_NCHW.shape
    padded = functional.pad(images_NCHW, (shift,) * 4)
    offsets = torch.randint(0, 2 * shift + 1, (2, count, 1))
    rows, columns = offsets[0] + torch.arange(height), offsets[1] + torch.arange(width)
    picked = padded[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2)
