"""What every training run shares: seeds, threads, device, optimizer and rate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from compress.base.errors import CodesignError

__all__ = [
    "TORCH_THREADS",
    "OptimizerName",
    "Precision",
    "Threads",
    "adam",
    "check_device",
    "falling_rate",
    "make_optimizer",
    "on_device",
    "random_state",
    "seeded",
    "set_random_state",
    "set_rate",
    "torch_threads",
]

LAST_RATE_PORTION = 0.02
MOMENTUM = 0.9
OptimizerName = Literal["adam", "sgd"]
Precision = Literal["float32", "bfloat16"]
Threads = Annotated[int, Field(ge=1, le=1024, strict=True)]
TORCH_THREADS = 1
"""Sums in another order round differently, so one seed gives one result only with one number of threads; and with more
than one, a busy machine trains ten times slower (docs/decisions/024-one-torch-thread.md)."""


def check_device(name: str) -> None:
    """Raise a CodesignError unless torch has the device."""
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        raise CodesignError(
            f"there is no device {name!r}: {error}", "use 'cpu', or 'cuda' on a machine with a GPU"
        ) from error


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's random numbers start at ``seed`` inside; their state is restored afterwards."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


def random_state() -> list[Tensor]:
    """State of the random numbers of the CPU, then of every GPU."""
    return [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]


def set_random_state(state: list[Tensor]) -> None:
    """The inverse of ``random_state``."""
    torch.set_rng_state(state[0])
    torch.cuda.set_rng_state_all(state[1:])


@contextmanager
def torch_threads(count: int = TORCH_THREADS) -> Iterator[None]:
    """``count`` torch threads inside, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def on_device(network: nn.Module, device: str) -> Iterator[None]:
    """The network is on ``device`` inside, and where it was afterwards; its parameters stay the same objects."""
    before = next(network.parameters()).device
    network.to(device)
    try:
        yield
    finally:
        network.to(before)


def adam(
    parameters: Iterable[nn.Parameter] | list[dict[str, Any]], learning_rate: float, weight_decay: float = 0.0
) -> torch.optim.Adam:
    """Adam over those of the parameters, or over groups of them, that are trained."""
    return torch.optim.Adam(_trained(parameters), learning_rate, weight_decay=weight_decay, fused=True)


def _trained(parameters: Iterable[nn.Parameter] | list[dict[str, Any]]) -> list[Any]:
    given: list[Any] = list(parameters)
    return [entry for entry in given if isinstance(entry, dict) or entry.requires_grad]


def make_optimizer(
    name: OptimizerName,
    parameters: Iterable[nn.Parameter] | list[dict[str, Any]],
    learning_rate: float,
    weight_decay: float = 0.0,
) -> torch.optim.Optimizer:
    """``adam``, or SGD with Nesterov's momentum of 0.9, over those of the parameters, or groups, that are trained."""
    if name == "adam":
        return adam(parameters, learning_rate, weight_decay)
    return torch.optim.SGD(
        _trained(parameters), learning_rate, MOMENTUM, weight_decay=weight_decay, nesterov=True, fused=True
    )


def falling_rate(first: float, epoch: int, epochs: int) -> float:
    """Learning rate of an epoch: half a cosine from ``first`` towards 2 % of it."""
    return first * (LAST_RATE_PORTION + (1 - LAST_RATE_PORTION) * (1 + math.cos(math.pi * epoch / epochs)) / 2)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate
