"""What ADMM costs: a training step and a projection, each as a ratio measured side by side in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from compress.admm.penalty import Penalty
from compress.admm.split_variables import SplitVariable, parameter_groups
from compress.methods.prune import cardinality_constraints
from compress.sets.constraints import Cardinality
from compress.train.settings import adam

__all__ = ["admm_step_ratio", "projection_ratio"]


def admm_step_ratio(
    network: nn.Module, input_shape: tuple[int, int, int], batch_size: int = 64, alpha: float = 0.1, repeats: int = 200
) -> float:
    """Median time of an ADMM training step over that of a plain one; the two take turns on the same batch.

    A step is forward, backward and Adam; the Z-step comes once an epoch and is measured by ``projection_ratio``.
    The network's weights change.
    """
    images = torch.rand(batch_size, *input_shape)
    labels = torch.randint(0, 10, (batch_size,))
    variables = [SplitVariable(network, constraint) for constraint in cardinality_constraints(network, {"*": alpha})]
    plain = adam(network.parameters(), 1e-5)
    penalized = adam(parameter_groups(network, variables), 1e-5)
    pull = Penalty(variables, penalized).gradient(1e-2)

    def step(optimizer: torch.optim.Optimizer, pull: Callable[[], None]) -> None:
        optimizer.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        pull()
        optimizer.step()

    return _ratio(lambda: step(penalized, pull), lambda: step(plain, lambda: None), repeats)


def projection_ratio(size: int, alpha: float = 0.028, repeats: int = 5, seed: int = 0) -> float:
    """Median time of a cardinality projection of ``size`` weights over that of ``torch.kthvalue`` on the same tensor.

    The defaults are those of AlexNet's first fully connected layer (003 Table 7) at 37,748,736 weights.
    """
    weights = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    target = Cardinality(max(1, round(alpha * size)))
    return _ratio(lambda: target.project(weights), lambda: weights.kthvalue(size - target.count + 1), repeats)


def _ratio(measured: Callable[[], object], reference: Callable[[], object], repeats: int) -> float:
    """Median over pairs that alternate, so that a change of the machine's speed hits both."""
    ratios = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        reference()
        middle = time.perf_counter()
        measured()
        ratios.append((time.perf_counter() - middle) / (middle - start))
    return statistics.median(ratios[1:])  # the first pair warms up
