"""How fast a cardinality gets from all weights to the wanted number while ADMM runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError

__all__ = ["CONSTANT", "FALLING", "SCHEDULES", "ScheduleChoice"]

USUAL_RISE = 0.6  # of the iterations; the rest converges at the final number


@dataclass(frozen=True)
class ScheduleChoice:
    """One way to get there.

    Members
    -------
    name : str
        The value of ``schedule`` in a run file.
    summary : str
        One line for people.
    apply : callable
        The settings with the ``sparsity_rise`` of this schedule.
    """

    name: str
    summary: str
    apply: Callable[[AdmmConfig], AdmmConfig]


def _constant(config: AdmmConfig) -> AdmmConfig:
    if config.sparsity_rise:
        raise CodesignError(
            f"sparsity_rise {config.sparsity_rise:g} lets the number of weights fall, schedule 'constant' does not",
            "use schedule 'falling', or leave sparsity_rise out",
        )
    return config


def _falling(config: AdmmConfig) -> AdmmConfig:
    return config if config.sparsity_rise else replace(config, sparsity_rise=USUAL_RISE)


CONSTANT = ScheduleChoice("constant", "the final number from the first iteration on, as the papers do", _constant)
FALLING = ScheduleChoice("falling", "from all weights down, within `sparsity_rise` of the iterations", _falling)

SCHEDULES: dict[str, ScheduleChoice] = {choice.name: choice for choice in (CONSTANT, FALLING)}
"""How the number of kept weights falls while ADMM runs, by name: ``[compress] schedule``."""
