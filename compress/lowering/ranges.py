"""Calibration: the range of real numbers that each operation's result takes on sample images."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from compress.base.errors import CodesignError
from compress.lowering.float_graph import run_float
from compress.lowering.fusion import Step
from compress.networks.capture.captured import CapturedNetwork

__all__ = ["Range", "calibrate", "images_to_calibrate"]

CALIBRATION_IMAGES = 1000
MOST_ELEMENTS = 1 << 26  # of one result of all images: 256 MB


@dataclass(frozen=True)
class Range:
    """What a fraction of the results lies in.

    Members
    -------
    low, high : float
        ``low`` is at most 0 and ``high`` at least 0, since a real 0 has a code.
    magnitude : float
        That a fraction of the magnitudes does not exceed; where all results are 0: 1, or what the ReLU cuts off at.
    """

    low: float
    high: float
    magnitude: float


def images_to_calibrate(captured: CapturedNetwork) -> int:
    """1000, or as many as keep one result of all of them within 256 MB."""
    largest = max(math.prod(shape) for shape in (captured.input_shape, *(call.shape for call in captured.calls)))
    return max(1, min(CALIBRATION_IMAGES, MOST_ELEMENTS // largest))


def calibrate(
    captured: CapturedNetwork, images: Tensor, steps: tuple[Step, ...], coverage: float = 1.0
) -> dict[str, Range]:
    """The ranges of results, by ``Step.seen``, without the fraction 1 - ``coverage`` that is farthest out."""
    if not 0 < coverage <= 1:
        raise CodesignError(f"coverage must be above 0 and at most 1, not {coverage}", "use for example 0.9999")
    ranges: dict[str, Range] = {}

    by_seen = {step.seen: step for step in steps}

    def observe(name: str, results: Tensor) -> None:
        if (step := by_seen.get(name)) is not None:
            results = results if step.relu is None else results.relu()
            ranges[name] = _range(name, results, coverage, of_zeros=min(1.0, step.ceiling))

    run_float(captured, images, observe)
    return ranges


def _range(name: str, results: Tensor, coverage: float, of_zeros: float) -> Range:
    values = results.numpy()
    magnitude = float(np.quantile(np.abs(values), coverage))
    if not math.isfinite(magnitude):
        raise CodesignError(
            f"{name!r} gives infinite numbers or NaN on the calibration images", "train the network again"
        )
    low, high = (float(np.quantile(values, share)) for share in ((1 - coverage) / 2, (1 + coverage) / 2))
    return Range(min(low, 0.0), max(high, 0.0), magnitude or of_zeros)
