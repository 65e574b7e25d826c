"""The alphas of a run, and the sets of alphas that were tried for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from codesign.loop.results import Result

__all__ = ["AlphasResult", "Trial"]


@dataclass(frozen=True)
class Trial:
    """One set of alphas that was tried: in which step, and the validation accuracy it gave."""

    step: str
    alphas: dict[str, float]
    accuracy: float
    accepted: bool


class AlphasResult(Result):
    """Alpha of every layer, 1 for the ``restored`` ones, and how they were found; given alphas have no search."""

    FILE: ClassVar = "alphas.json"
    COMMAND: ClassVar = "codesign compress"

    method: str
    validation_floor: float | None = None
    alphas: dict[str, float]
    initial: dict[str, float] | None = None
    restored: tuple[str, ...] = ()
    trials: tuple[Trial, ...] = ()
