"""An array with what it costs, and how long layers take on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from flows.synthesis.area import ArrayMeasurement
from rtl.config import ArrayConfig

__all__ = ["ArrayChoice"]


@dataclass(frozen=True)
class ArrayChoice:
    """One array, and the layers it was measured for.

    Members
    -------
    area, clock_period
        In the technology's units.
    critical : str
        What sets the clock.
    cycles : dict
        By layer, for one batch of that layer.
    cycles_per_sample : float
        Of all layers.
    """

    config: ArrayConfig
    area: float
    logic_area: float
    sram_area: float
    clock_period: float
    critical: str
    cycles: dict[str, int]
    cycles_per_sample: float

    @classmethod
    def of(
        cls, config: ArrayConfig, measured: ArrayMeasurement, cycles: Mapping[str, int], cycles_per_sample: float
    ) -> ArrayChoice:
        """A measured array with the layers' cycles."""
        return cls(
            config=config,
            area=measured.area,
            logic_area=measured.logic_area,
            sram_area=measured.sram_area,
            clock_period=measured.clock_period,
            critical=measured.critical,
            cycles=dict(cycles),
            cycles_per_sample=cycles_per_sample,
        )

    @property
    def time_per_sample(self) -> float:
        """In the technology's time unit."""
        return self.cycles_per_sample * self.clock_period

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe members."""
        return {**asdict(self), "config": self.config.to_dict(), "time_per_sample": self.time_per_sample}
