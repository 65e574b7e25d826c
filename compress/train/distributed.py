"""Training by several processes, each on its share of every batch: the few exchanges that keep them equal.

Everything here does nothing in a single process. With ``torchrun`` each process computes the gradient of its images,
the sum goes to all, and every process takes the same step; so weights, projections and masks are equal everywhere.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, distributed, nn

__all__ = ["add_up", "from_first", "process_group", "rank", "share_buffers", "shared_gradients", "world_size"]


@contextmanager
def process_group() -> Iterator[None]:
    """Join the processes that torch's launcher started (it sets WORLD_SIZE); alone, nothing happens.

    No thread of the group outlives the block. One that survives drops the tensors of its last exchange while
    the interpreter exits, waits for a lock that is no longer granted, and aborts the process ("terminate called without
    an active exception"). Torch ends the threads once nothing refers to the group any more. When they are first
    imported, functions of ``torch.distributed.nn`` take the current group as a default argument, and the first
    optimizer imports them; so they are imported before there is a group.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    importlib.import_module("torch.distributed.nn")
    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
        add_up(0)  # leave together: process 0 keeps the store that the others still speak to
    finally:
        distributed.destroy_process_group()


def rank() -> int:
    """Number of this process, from 0."""
    return distributed.get_rank() if _together() else 0


def world_size() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if _together() else 1


def from_first(tensor: Tensor) -> Tensor:
    """Process 0's values, in place of each process's own."""
    if _together():
        distributed.broadcast(tensor, src=0)
    return tensor


def add_up(*numbers: float) -> tuple[float, ...]:
    """Each number's sum over the processes."""
    if not _together():
        return numbers
    sums = torch.tensor(numbers, dtype=torch.float64)
    distributed.all_reduce(sums)
    return tuple(sums.tolist())


def shared_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace every gradient by its sum over the processes, all in one exchange."""
    if not _together():
        return
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in trained]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    distributed.all_reduce(flat)
    for parameter, part in zip(trained, flat.split([p.numel() for p in trained]), strict=True):
        parameter.grad = part.reshape(parameter.shape)


def share_buffers(network: nn.Module) -> None:
    """Give all processes process 0's running means and variances; each saw other images."""
    for buffer in network.buffers():
        from_first(buffer)


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()
