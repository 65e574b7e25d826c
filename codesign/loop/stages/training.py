"""Train the dense network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from codesign.loop.file_names import NETWORK
from codesign.loop.inputs import Inputs, Work
from codesign.loop.results import Result
from codesign.settings.data import Data
from codesign.settings.network_file import NetworkSource, save_network
from codesign.settings.weights import Weights
from compress.base.progress import Progress
from compress.data.datasets import Dataset
from compress.data.task import ACCURACY, Metric
from compress.train.checkpoint import Checkpoint, describe_run
from compress.train.launch import together
from compress.train.settings import TORCH_THREADS
from compress.train.training import EpochRecord, TrainingConfig, accuracy, train

__all__ = ["ImageCounts", "TrainSettings", "TrainingResult", "run", "train_network"]


@dataclass(frozen=True)
class TrainSettings:
    """Which network on which data, its first weights drawn from ``seed`` or given, and the processes that train it."""

    network: NetworkSource
    data: Data
    seed: int
    training: TrainingConfig
    processes: int = 1
    weights: Weights | None = None


@dataclass(frozen=True)
class ImageCounts:
    """Images in each split."""

    train: int
    validation: int
    test: int


class TrainingResult(Result):
    """How the dense network was trained; its weights are in ``NETWORK``.

    Of another task than classification accuracies are its figures, which ``metric`` describes.
    """

    FILE: ClassVar = "training.json"
    COMMAND: ClassVar = "codesign train"

    validation_accuracy: float
    images: ImageCounts
    history: tuple[EpochRecord, ...]
    metric: Metric = ACCURACY


def run(inputs: Inputs, settings: TrainSettings, work: Work) -> TrainingResult:
    """Train from the seed's weights or those given, and write them as they validated best."""
    torch.set_num_threads(TORCH_THREADS)
    network, dataset = settings.network.build(settings.seed), settings.data.load()
    if settings.weights is not None:
        settings.weights.load_into(network)
    network, history = together(
        settings.processes, train_network, network, dataset, settings.training, work.scratch, progress=work.progress
    )
    save_network(network, settings.network.name, work.folder / NETWORK)
    return TrainingResult(
        validation_accuracy=accuracy(network, dataset.validation),
        images=ImageCounts(len(dataset.train), len(dataset.validation), len(dataset.test)),
        history=history,
        metric=dataset.task.metric,
    )


def train_network(
    network: nn.Module, dataset: Dataset, config: TrainingConfig, folder: Path, progress: Progress | None = None
) -> tuple[nn.Module, tuple[EpochRecord, ...]]:
    """Train from the network's weights, with a checkpoint in ``folder``; as ``together`` calls it."""
    checkpoint = Checkpoint(folder / "train.pt", describe_run("train", network, dataset, config))
    history = train(network, dataset, config, progress, checkpoint=checkpoint)
    return network, history
