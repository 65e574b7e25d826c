"""What levels and factors are worth: codes as decoders give them, digits as lanes multiply by them."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Mux, Value

from rtl.config import ArrayConfig
from sim.mapping.level_codes import level_codes


def level_in(level: Any, config: ArrayConfig) -> int:
    """Of a ``level_layout`` in a simulation; 0 for none."""
    return level_codes(config.levels, config.weight_bits).level(level.code) if level.nonzero else 0


def level_value(level: Any) -> Value:
    """The same as hardware, of linear levels."""
    return Mux(level.nonzero, level.code.as_signed() + ~level.code[-1:], 0)


def factor_in(factor: Any, config: ArrayConfig) -> int:
    """Of a ``factor_layout`` in a simulation."""
    if config.levels == "powers" and config.weight_bits > 2:
        return (-1 if factor.negative else 1) << factor.shift if factor.nonzero else 0
    members = (factor.one, factor.two, factor.negative)
    digits = range(1 if config.levels == "powers" else -(-config.weight_bits // 2))
    one, two, negative = ([member >> digit & 1 for digit in digits] for member in members)
    return sum((one[n] + 2 * two[n]) * (-1 if negative[n] else 1) << 2 * n for n in digits)


def factor_for(level: int, config: ArrayConfig) -> dict[str, int]:
    """A ``factor_layout``: a shift, a number, or Booth's digits of the code above the bit that makes up for zero."""
    if config.levels == "powers" and config.weight_bits > 2:
        return {"shift": max(1, abs(level)).bit_length() - 1, "nonzero": int(level != 0), "negative": int(level < 0)}
    if config.multipliers == "dsp" and config.levels == "linear" and config.weight_bits > 2:
        return {"level": level}
    code = level - (level > 0)
    padded = 2 * code + (code >= 0)
    digits = range(-(-config.weight_bits // 2))
    triples = [[padded >> 2 * digit + place & 1 for place in range(3)] for digit in digits]
    values = [low + middle - 2 * high for low, middle, high in triples] if level else [0 for _ in digits]
    return {
        "one": sum((abs(value) == 1) << digit for digit, value in enumerate(values)),
        "two": sum((abs(value) == 2) << digit for digit, value in enumerate(values)),
        "negative": sum((value < 0) << digit for digit, value in enumerate(values)),
    }
