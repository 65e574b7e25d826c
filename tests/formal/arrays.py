"""The array that blocks are proved at."""

from __future__ import annotations

from rtl.config import ArrayConfig
from rtl.formats.fixed import Fixed

SMALL = ArrayConfig(
    rows=1,
    lanes=1,
    weight_bits=1,
    act_bits=4,
    acc_bits=12,
    index=Fixed(1),
    weight_depth=4,
    activation_depth=4,
    table_depth=2,
    bias_depth=4,
)
"""The smallest one that shows every case."""
