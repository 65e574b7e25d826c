"""One run of a compression method: its network on the device, its checkpoint, and the two ways it trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from compress.admm.iteration import AdmmConfig, AdmmStep, admm
from compress.admm.split_variables import Constraint
from compress.base.errors import CodesignError
from compress.base.progress import Progress
from compress.data.datasets import Dataset
from compress.train.checkpoint import Checkpoint, describe_run
from compress.train.distillation import Distillation
from compress.train.epoch import Loss
from compress.train.settings import on_device, torch_threads
from compress.train.trainable import check_trainable
from compress.train.training import EpochRecord, FixedWeights, fit

__all__ = ["Session", "open_session"]


@dataclass(frozen=True, eq=False)
class Session:
    """What every step of a method works on; open one with ``open_session``.

    Each step has a name, ``stage``: the checkpoint keeps its state under it, and ``progress`` tells it. A run that is
    started again takes its steps in the same order, and those that are in the checkpoint take no time.
    """

    network: nn.Module
    dataset: Dataset
    config: AdmmConfig
    checkpoint: Checkpoint | None
    progress: Progress | None
    loss_of: Loss | None = None

    def admm(
        self, stage: str, constraints: Sequence[Constraint], fixed: FixedWeights | None = None
    ) -> tuple[AdmmStep, ...]:
        """Move the weights close to the sets; weights that are ``fixed`` stay."""
        return admm(
            self.network,
            self.dataset,
            constraints,
            self.config,
            fixed=fixed,
            checkpoint=self.checkpoint,
            stage=stage,
            progress=self.progress,
            loss_of=self.loss_of,
        )

    def train(
        self,
        stage: str,
        epochs: int,
        *,
        fixed: FixedWeights | None = None,
        after_step: Callable[[], None] | None = None,
        seed: int | None = None,
    ) -> tuple[EpochRecord, ...]:
        """Train without a penalty, as ``compress.train.training.fit``; no epochs leave the network as it is.

        ``seed`` is by default the one after ADMM's, so that images come in another order.
        """
        if epochs == 0:
            return ()
        training = self.config.training(epochs, self.config.seed + 1 if seed is None else seed)
        return fit(
            self.network,
            self.dataset,
            training,
            self.progress,
            fixed=fixed,
            after_step=after_step,
            checkpoint=self.checkpoint,
            stage=stage,
            loss_of=self.loss_of,
        )


@contextmanager
def open_session(
    method: str,
    network: nn.Module,
    dataset: Dataset,
    config: AdmmConfig,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    **facts: Any,
) -> Iterator[Session]:
    """A session whose network is on ``config.device`` inside, and where it was afterwards.

    Parameters
    ----------
    checkpoint : Path, optional
        Written after every ADMM iteration and training epoch; resumed from, with identical results, if it is there.
        Start again with the network as it was at the start.
    facts
        Plain values that the result depends on, beside network, data and settings: a checkpoint made with others is
        refused.

    Raises
    ------
    CodesignError
        The network cannot be trained (``check_trainable``), or the checkpoint is damaged or another run's.
    """
    check_trainable(network, dataset, config.batch_size)
    if config.distillation and not dataset.task.is_usual:
        raise CodesignError(
            f"distillation compares classes, and the task is {dataset.task.name}",
            "leave distillation out, or let your own step compare the network with its teacher",
        )
    store = None
    if checkpoint is not None:
        store = Checkpoint(checkpoint, describe_run(method, network, dataset, config, **facts))
    with torch_threads(config.threads), on_device(network, config.device):
        loss_of = Distillation(network, config.distillation) if config.distillation else None
        yield Session(network, dataset, config, store, progress, loss_of)
