"""The dense networks that trials start from: trained once by the benchmark, or published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from benchmarks.published import published_file
from benchmarks.results import Results, Stopwatch
from compress.base.errors import CodesignError
from compress.base.files import write_bytes
from compress.data.datasets import Dataset, load_dataset
from compress.data.places import data_folder
from compress.networks.registry import build_network
from compress.networks.weights.fit import load_weights
from compress.train.checkpoint import Checkpoint, describe_run
from compress.train.training import TrainingConfig, train

__all__ = ["Normalized", "Published", "Start", "dense_network", "train_start"]


@dataclass(frozen=True)
class Published:
    """Trained weights by others.

    Members
    -------
    file : str
        In the folder CODESIGN_MODELS, or ``models`` beside CODESIGN_DATA.
    mean, deviation : tuple of float
        Of each channel as the network expects it.
    """

    file: str
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def path(self) -> Path:
        """The file; a CodesignError where it is missing."""
        return published_file([self.file])


@dataclass(frozen=True)
class Start:
    """A network and its data.

    Members
    -------
    name : str
        No other start has it.
    network, data : str
        Names in ``compress.networks.registry`` and for ``load_dataset``.
    training : TrainingConfig or Published
    folder : str
        Of the data in CODESIGN_DATA, where its files do not lie where ``load_dataset`` looks.
    images : int, optional
        Train on so many; by default on all.
    """

    name: str
    network: str
    data: str
    training: TrainingConfig | Published
    folder: str = ""
    images: int | None = None

    def dataset(self) -> Dataset:
        """All validation and test images, and as many of the training images as are asked for."""
        whole = _whole(self.data, self.folder)
        return whole if self.images is None else replace(whole, train=whole.train.take(self.images))

    def missing(self) -> str:
        """Why it cannot be made; empty if it can."""
        try:
            self.dataset()
            if isinstance(self.training, Published):
                self.training.path()
        except CodesignError as error:
            return error.cause
        return ""

    def settings(self) -> dict[str, Any]:
        """What its result depends on."""
        return asdict(self)


class Normalized(nn.Module):
    """A network behind (pixel - mean) / deviation: it reads images in [0, 1], which are moved with black borders."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, body: nn.Module, mean: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).reshape(1, -1, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).reshape(1, -1, 1, 1))
        self.body = body

    def forward(self, images: Tensor) -> Tensor:
        """Of images (N, C, H, W) in [0, 1]."""
        outputs: Tensor = self.body((images - self.mean) / self.deviation)
        return outputs


def train_start(start: Start, results: Results) -> None:
    """Train a start's network once; a published one is only read."""
    torch.set_num_threads(1)
    if isinstance(start.training, Published) or _path(start, results).exists():
        return
    network, dataset, work = build_network(start.network, start.training.seed), start.dataset(), _work(start, results)
    checkpoint = Checkpoint(work / "train.pt", describe_run("dense", network, dataset, start.training))
    train(network, dataset, start.training, Stopwatch(work / "seconds").note, checkpoint=checkpoint)
    write_bytes(_path(start, results), save(network.state_dict()))


def dense_network(start: Start, results: Results) -> nn.Module:
    """A new copy in evaluation mode."""
    if isinstance(start.training, Published):
        network = build_network(start.network, 0)
        load_weights(network, start.training.path())
        return Normalized(network, start.training.mean, start.training.deviation).eval()
    network = build_network(start.network, start.training.seed)
    network.load_state_dict(load_file(_path(start, results)))
    return network.eval()


@cache
def _whole(data: str, folder: str) -> Dataset:
    base = data_folder(None)
    return load_dataset(data, 0, base / folder if folder and base is not None else None)


def _work(start: Start, results: Results) -> Path:
    return results.work(__name__, f"{start.name}-dense", start.settings())


def _path(start: Start, results: Results) -> Path:
    return _work(start, results) / "dense.safetensors"
