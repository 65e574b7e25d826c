"""The pruning ratio from which on a sparse array pays, between bounds that were measured.

Bisection finds the one crossing of a curve that rises. Where a curve dips below 1 again above the crossing, the dip
counts only if a measured portion falls into it, so that the ratio then depends on the portions that were asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

__all__ = ["BreakEvenRatio", "break_even_ratio", "next_portion"]

_HUNDREDTHS = 100
_LARGEST = 0.99
"""The largest pruned portion that is measured; the smallest is 1 %."""


@dataclass(frozen=True)
class BreakEvenRatio:
    """Bounds on weights / kept weights from which on the sparse array is no slower than the dense one.

    Members
    -------
    low : float
        Pruned this far, the sparse array is slower, or does not fit; 1, nothing pruned, where no portion loses.
    high : float or None
        Pruned this far or further, no measured sparse array is slower; None where the largest portion loses.
    """

    low: float
    high: float | None

    @property
    def kind(self) -> str:
        """``bracketed``, ``at_most`` where no measured portion loses, or ``never``."""
        if self.high is None:
            return "never"
        return "at_most" if self.low == 1 else "bracketed"

    def passed_by(self, alpha: float) -> bool:
        """Whether a layer that keeps ``alpha`` of its weights gains by it.

        Where no measured portion loses, any pruning passes: nothing measured speaks against a smaller portion.
        """
        if self.high is None or alpha >= 1:
            return False
        return self.kind == "at_most" or 1 / alpha >= self.high

    def __str__(self) -> str:
        """For tables: the ratio that is known to pay.

        >>> str(BreakEvenRatio(1.25, 1.28)), str(BreakEvenRatio(1.0, 1.01)), str(BreakEvenRatio(100.0, None))
        ('1.28×', 'at most 1.01×', 'never')
        """
        if self.high is None:
            return "never"
        return f"at most {self.high:.2f}×" if self.kind == "at_most" else f"{self.high:.2f}×"

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe members."""
        return {"low": self.low, "high": self.high, "kind": self.kind}

    @classmethod
    def from_dict(cls, members: Mapping[str, Any]) -> BreakEvenRatio:
        """The inverse of ``to_dict``."""
        return cls(members["low"], members["high"])


def break_even_ratio(pays: Mapping[float, bool]) -> BreakEvenRatio:
    """Bounds from measured portions: where these cross more than once, the last crossing counts.

    ``pays`` says of each pruned portion whether the sparse array is no slower than the dense one.

    >>> break_even_ratio({0.5: False, 0.6: True})
    BreakEvenRatio(low=2.0, high=2.5)
    """
    low, high = _bracket(pays)
    return BreakEvenRatio(1 / (1 - low), None if high is None else 1 / (1 - high))


def next_portion(pays: Mapping[float, bool]) -> float | None:
    """The portion to measure next so that the bounds come within 1 % of the weights; None where they are.

    A whole number of percent, half-way between the bounds, so that two measurements of a rising curve end in the same
    bounds whichever portions came first; no dip between measured portions above the crossing is looked for. Below the
    first portion it goes down to 1 %, above the last one to 99 %.

    >>> next_portion({0.1: False, 0.2: True}), next_portion({0.14: False, 0.15: True}), next_portion({0.9: False})
    (0.15, None, 0.99)
    """
    low, high = _bracket(pays)
    if high is None:
        return _LARGEST if low < _LARGEST else None
    first = floor(low * _HUNDREDTHS + 1e-9) + 1
    last = ceil(high * _HUNDREDTHS - 1e-9) - 1
    return (first + last) // 2 / _HUNDREDTHS if first <= last else None


def _bracket(pays: Mapping[float, bool]) -> tuple[float, float | None]:
    """The last portion that loses, 0 without one, and the next that does not, None without one."""
    low = max((portion for portion, paid in pays.items() if not paid), default=0.0)
    return low, min((portion for portion in pays if portion > low), default=None)
