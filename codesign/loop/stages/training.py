"""Train the dense network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from codesign.loop.data import Data
from codesign.loop.file_names import NETWORK
from codesign.loop.inputs import Inputs, Work
from codesign.loop.network_file import NetworkSource, save_network
from codesign.loop.results import Result
from compress.train.checkpoint import Checkpoint, describe_run
from compress.train.settings import TORCH_THREADS
from compress.train.training import EpochRecord, TrainingConfig, accuracy, train

__all__ = ["ImageCounts", "TrainSettings", "TrainingResult", "run"]


@dataclass(frozen=True)
class TrainSettings:
    """Which network on which data, its first weights drawn from ``seed``."""

    network: NetworkSource
    data: Data
    seed: int
    training: TrainingConfig


@dataclass(frozen=True)
class ImageCounts:
    """Images in each split."""

    train: int
    validation: int
    test: int


class TrainingResult(Result):
    """How the dense network was trained; its weights are in ``NETWORK``."""

    FILE: ClassVar = "training.json"
    COMMAND: ClassVar = "codesign train"

    validation_accuracy: float
    images: ImageCounts
    history: tuple[EpochRecord, ...]


def run(inputs: Inputs, settings: TrainSettings, work: Work) -> TrainingResult:
    """Train from the seed's weights, and write them as they validated best."""
    torch.set_num_threads(TORCH_THREADS)
    network, dataset = settings.network.build(settings.seed), settings.data.load()
    checkpoint = Checkpoint(work.scratch / "train.pt", describe_run("train", network, dataset, settings.training))
    history = train(network, dataset, settings.training, work.progress, checkpoint=checkpoint)
    save_network(network, settings.network.name, work.folder / NETWORK)
    return TrainingResult(
        validation_accuracy=accuracy(network, dataset.validation),
        images=ImageCounts(len(dataset.train), len(dataset.validation), len(dataset.test)),
        history=history,
    )
