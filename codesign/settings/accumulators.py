"""How wide an array's accumulators must be for all layers of a network."""

from __future__ import annotations

from collections.abc import Mapping

from compress.base.errors import CodesignError
from rtl.config import MAX_ACC_BITS, MIN_ACC_BITS

__all__ = ["widest_accumulator"]


def widest_accumulator(bits: Mapping[str, int]) -> int:
    """The largest of the layers' widths, at least the narrowest that an array has.

    Raises
    ------
    CodesignError
        A layer needs more bits than an array can have.
    """
    for name, needed in bits.items():
        if needed > MAX_ACC_BITS:
            raise CodesignError(
                f"layer {name!r} needs accumulators of {needed} bits, and an array has at most {MAX_ACC_BITS}",
                f"quantize {name!r} to fewer bits (compress.layer_bits, hardware.act_bits): its weights' interval "
                "grows, and its sums and biases, which are counted in it, become smaller",
            )
    return max(MIN_ACC_BITS, *bits.values())
