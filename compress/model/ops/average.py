"""Sums over windows, and the rounding of every average."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compress.model.activation import Codes

__all__ = ["round_average", "window_sums"]


def round_average(sums: NDArray[np.int64], counts: NDArray[np.int64] | int) -> Codes:
    """``floor((2 * sum + count) / (2 * count))``: half rounds up."""
    return np.asarray((2 * sums + counts) // (2 * np.asarray(counts, np.int64)), np.int16)


def window_sums(values: NDArray[np.int64], windows: NDArray[np.int64], axis: int) -> NDArray[np.int64]:
    """Sums along an axis over (places, 2) windows, as differences of running sums."""
    running = np.cumsum(values, axis=axis)
    running = np.concatenate([np.zeros_like(np.take(running, [0], axis=axis)), running], axis=axis)
    sums: NDArray[np.int64] = np.take(running, windows[:, 1], axis=axis) - np.take(running, windows[:, 0], axis=axis)
    return sums
