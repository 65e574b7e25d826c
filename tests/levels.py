"""What levels and factors are worth: codes as decoders give them, digits as lanes multiply by them."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Mux, Value

from sim.mapping.encoders.packer import level_of


def level_in(level: Any, weight_bits: int) -> int:
    """Of a ``level_layout`` in a simulation; 0 for none."""
    return level_of(level.code, weight_bits) if level.nonzero else 0


def level_value(level: Any) -> Value:
    """The same as hardware."""
    return Mux(level.nonzero, level.code.as_signed() + ~level.code[-1:], 0)


def factor_in(factor: Any, weight_bits: int) -> int:
    """Of a ``factor_layout`` in a simulation."""
    digits = range(-(-weight_bits // 2))
    one, two, negative = (
        [number >> digit & 1 for digit in digits] for number in (factor.one, factor.two, factor.negative)
    )
    return sum((one[n] + 2 * two[n]) * (-1 if negative[n] else 1) << 2 * n for n in digits)


def factor_for(level: int, weight_bits: int) -> dict[str, int]:
    """A ``factor_layout`` for a level: Booth's digits of its code, a bit that undoes the skipped zero below them."""
    code = level - (level > 0)
    padded = 2 * code + (code >= 0)
    digits = range(-(-weight_bits // 2))
    triples = [[padded >> 2 * digit + place & 1 for place in range(3)] for digit in digits]
    values = [low + middle - 2 * high for low, middle, high in triples] if level else [0 for _ in digits]
    return {
        "one": sum((abs(value) == 1) << digit for digit, value in enumerate(values)),
        "two": sum((abs(value) == 2) << digit for digit, value in enumerate(values)),
        "negative": sum((value < 0) << digit for digit, value in enumerate(values)),
    }
