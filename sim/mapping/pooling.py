"""Which pooling the array does; the host does the rest."""

from __future__ import annotations

from compress.model.pool import Pool, PoolKind
from rtl.array.pool import LARGEST_WINDOW

__all__ = ["NO_WINDOW", "Window", "array_window", "window_on"]

Window = tuple[int, int]
"""Rows and columns of a pooling window."""

NO_WINDOW: Window = (1, 1)


def array_window(pool: Pool | None) -> Window:
    """The window if an array with suitable lanes can do this pooling, else ``NO_WINDOW``.

    Windows must not overlap and have at most ``LARGEST_WINDOW`` pixels; averages need 2^k pixels.

    >>> array_window(Pool(PoolKind.MAX, (2, 2), (2, 2)))
    (2, 2)
    """
    if pool is None or pool.kernel != pool.stride:
        return NO_WINDOW
    pixels = pool.kernel[0] * pool.kernel[1]
    averaged_by_shift = pixels & (pixels - 1) == 0
    possible = pixels <= LARGEST_WINDOW and (pool.kind is PoolKind.MAX or averaged_by_shift)
    return pool.kernel if possible else NO_WINDOW


def window_on(window: Window, lanes: int, requant_lanes: int) -> Window:
    """``window`` if a requantizer's block of lanes holds whole windows, else ``NO_WINDOW``.

    >>> window_on((2, 2), lanes=16, requant_lanes=4), window_on((2, 2), lanes=16, requant_lanes=8)
    ((2, 2), (1, 1))
    """
    return window if lanes // requant_lanes % (window[0] * window[1]) == 0 else NO_WINDOW
