"""Progress reports of long work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["Progress", "Update"]


@dataclass(frozen=True)
class Update:
    """``done`` of ``of`` steps of something are done, and the figures of the latest step.

    Members
    -------
    stage : str
        What is running, in the user's words: "prune", "retrain 50% quantized".
    done, of : int
        Steps, 0 <= done <= of.
    figures : mapping of name to number
        Worth watching, the most telling first: "loss", "validation accuracy" (a fraction), "rho".
    """

    stage: str
    done: int
    of: int
    figures: Mapping[str, float] = field(default_factory=dict)


Progress = Callable[[Update], None]
"""Called with one ``Update`` after each step of a long function."""
