"""A shifter by a variable distance that keeps no bit longer than it can be needed."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Module, Mux, Signal, Value

__all__ = ["shifted_right"]


def shifted_right(m: Module, bits: Value, distance: Value, width: int) -> Value:
    """The low ``width`` bits of ``bits >> distance``, long distances first: each stage keeps what the rest can reach.

    A stage picks one of four by two bits of the distance, decoded: half as many gates in a row as choosing twice.
    """
    for place in reversed(range(0, len(distance), 2)):
        digit = distance[place : place + 2]
        kept = min(width + (1 << place) - 1, len(bits))
        picks = [Mux(digit == n, (bits >> (n << place))[:kept], 0) for n in range(1 << len(digit))]
        stage = Signal(kept, name=f"shifted_{place}")
        m.d.comb += stage.eq(reduce(or_, picks))
        bits = stage
    return bits
