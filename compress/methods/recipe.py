"""What a pruning method is to those that choose one by name: one call, one result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.admm.split_variables import Constraint
from compress.base.progress import Progress
from compress.data.datasets import Dataset
from compress.methods.prune import PruneResult, PruningMethod
from compress.methods.schedules import SCHEDULES
from compress.methods.scopes import SCOPES
from compress.methods.target import Target

__all__ = ["Outcome", "Recipe", "Request", "recipe_of"]


@dataclass(frozen=True, eq=False)
class Request:
    """A network to prune in place.

    Members
    -------
    folder : Path, optional
        For checkpoints; a request made again with the same network, data and settings resumes from them.
    """

    network: nn.Module
    dataset: Dataset
    target: Target
    config: AdmmConfig
    folder: Path | None = None
    progress: Progress | None = None

    @property
    def settings(self) -> AdmmConfig:
        """The ADMM settings under the target's schedule."""
        return SCHEDULES[self.target.schedule].apply(self.config)

    @property
    def constraints(self) -> list[Constraint]:
        """The target's sets for the network."""
        return SCOPES[self.target.scope].constraints(self.network, self.target)

    def checkpoint(self, name: str) -> Path | None:
        """A file of the folder."""
        return None if self.folder is None else self.folder / name


@dataclass(frozen=True, eq=False)
class Outcome:
    """How pruning went.

    Members
    -------
    pruned : PruneResult
        The masks, and the histories of all steps one after the other.
    intervals : dict of float
        By layer, the distance of two levels of a method that quantizes too; empty for others.
    """

    pruned: PruneResult
    intervals: dict[str, float]


@dataclass(frozen=True)
class Recipe:
    """A pruning method by name.

    Members
    -------
    name : str
        The value of ``method`` in a run file.
    summary : str
        One line for people.
    run : callable
        Prunes the request's network in place.
    scopes : tuple of str
        The scopes it can count in.
    stepwise : bool
        It wants ``steps`` instead of alphas or one ratio.
    compacts : bool
        It trains a chain of layers without the channels that no weight reaches any more, so batch norms must be
        folded; quantization then does the same. A network that branches is trained whole.
    quantizes : bool
        It leaves the weights on levels; batch norms must be folded before.
    """

    name: str
    summary: str
    run: Callable[[Request], Outcome]
    scopes: tuple[str, ...] = tuple(SCOPES)
    stepwise: bool = False
    compacts: bool = False
    quantizes: bool = False

    @property
    def folds(self) -> bool:
        """Whether batch norms must be folded before."""
        return self.compacts or self.quantizes


def recipe_of(name: str, summary: str, method: PruningMethod) -> Recipe:
    """The recipe of a method that works on any constraint sets."""

    def run(request: Request) -> Outcome:
        checkpoint = request.checkpoint(f"{name}.pt")
        network, dataset = request.network, request.dataset
        pruned = method(network, dataset, request.constraints, request.settings, checkpoint, request.progress)
        return Outcome(pruned, {})

    return Recipe(name, summary, run)
