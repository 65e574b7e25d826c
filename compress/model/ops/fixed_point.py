"""Real factors as integers: multipliers that share a shift, and the rounding of their products."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.model.activation import Codes
from compress.model.ops.op import Call

__all__ = ["MAX_SHIFT", "check_fixed_point", "round_shift", "shared_shift", "smallest_integers"]

MAX_SHIFT = 40


def shared_shift(call: Call, factors: Sequence[float], bits: int) -> tuple[tuple[int, ...], int]:
    """The most precise multipliers of magnitude below 2**bits, and a shift: ``factor = multiplier / 2**shift``.

    Each is off by at most 2**-(shift + 1), which is 2**(1 - bits) of the largest factor, or 2**-(MAX_SHIFT + 1).
    """
    if not all(map(math.isfinite, factors)):
        raise call.refuse("multiplies by a number that is infinite or NaN", "train the network again, or correct it")
    largest = max(map(abs, factors))
    shift = min(bits - 1 - math.frexp(largest)[1], MAX_SHIFT)
    if shift < 1:
        raise call.refuse(f"has a result {largest:g} times as fine as its operand", "calibrate with more images")
    return tuple(round(factor * 2.0**shift) for factor in factors), shift


def check_fixed_point(kind: str, multipliers: Sequence[int], shift: int, bits: int) -> None:
    """CodesignError if the integers are not what ``shared_shift`` gives."""
    if not multipliers or any(abs(multiplier) >= 1 << bits for multiplier in multipliers):
        raise CodesignError(f"{kind} has a multiplier of 2^{bits} or above, or none", "calibrate the model again")
    if not 1 <= shift <= MAX_SHIFT:
        raise CodesignError(f"{kind} has the shift {shift}", f"keep it within 1..{MAX_SHIFT}")


def smallest_integers(largest: int, shift: int) -> np.dtype[np.int32 | np.int64]:
    """Integers for sums up to a magnitude and their rounding: processors have more lanes for small ones."""
    return np.dtype(np.int32 if largest + (1 << (shift - 1)) < 1 << 31 else np.int64)


def round_shift(sums: NDArray[np.int32 | np.int64], shift: int, bits: int) -> Codes:
    """``(sums + 2**(shift-1)) >> shift``, saturated to 0..2**bits - 1: half rounds up. Overwrites the sums."""
    sums += 1 << (shift - 1)
    sums >>= shift
    return np.clip(sums, 0, (1 << bits) - 1, out=sums).astype(np.int16)
