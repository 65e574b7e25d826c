"""What pruning must reach: how many weights stay, over what they are counted, and how fast it gets there."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.base.settings import Fraction, settings

__all__ = ["Pattern", "Ratio", "Step", "Target"]

Ratio = Annotated[float, Field(gt=1, le=1e6, strict=True)]
"""Weights over kept weights."""


def _n_below_m(text: str) -> str:
    found = re.fullmatch("([1-9][0-9]?):([1-9][0-9]?)", text, re.ASCII)
    if found is None or int(found[1]) >= int(found[2]):
        raise PydanticCustomError("pattern", "it is not N:M with 1 <= N < M <= 99")
    return text


Pattern = Annotated[str, Field(strict=True, examples=["2:4"]), AfterValidator(_n_below_m)]
"""N:M, N of every M weights."""


@settings
class Step:
    """One ratio of a progressive run, with ADMM settings of its own."""

    ratio: Ratio
    prune: AdmmConfig = AdmmConfig()


@settings
class Target:
    """What a pruning method is asked for.

    Members
    -------
    alphas : dict of layer name or pattern to fraction
        Weights that each layer keeps; layers without an entry keep all.
    ratio : float, optional
        Instead: weights over kept weights, of the whole network for scope "network", else of every layer.
    scope : str
        Over what kept weights are counted, a name in ``compress.methods.scopes.SCOPES``.
    schedule : str
        Whether cardinalities are asked for at once, a name in ``compress.methods.schedules.SCHEDULES``.
    pattern : str, optional
        "N:M" of scope "n:m", where it is 2:4 unless given. Alphas of that scope are 1, or N / M to two decimals.
    rows : int
        Rows of the array of scope "row-balanced".
    steps : tuple of Step
        Rising ratios of method "progressive", instead of ``ratio``.
    weight_bits : dict of layer name or pattern to bits
        Of method "joint", and of a ``Pruner``.
    """

    alphas: dict[str, Fraction] = field(default_factory=dict)
    ratio: Ratio | None = None
    scope: str = "layer"
    schedule: str = "constant"
    pattern: Pattern | None = None
    rows: Annotated[int, Field(ge=1, le=64, strict=True)] = 4
    steps: tuple[Step, ...] = ()
    weight_bits: dict[str, Annotated[int, Field(ge=1, le=8, strict=True)]] = field(default_factory=dict)

    def layer_alphas(self) -> dict[str, float]:
        """Fractions by layer name or pattern: the given ones, or the ratio's for every layer."""
        if self.alphas and self.ratio is None:
            return dict(self.alphas)
        if self.ratio is None or self.alphas:
            raise CodesignError(f"{self._given()} says how many weights stay", "give alphas or a ratio, one of them")
        return {"*": 1 / self.ratio}

    def network_count(self, size: int) -> int:
        """Weights that a network of ``size`` keeps, all layers counted together."""
        if self.ratio is None or self.alphas:
            raise CodesignError(
                f"scope 'network' needs one ratio; {self._given()} is given", "give a ratio instead of alphas"
            )
        return max(1, round(size / self.ratio))

    def pattern_counts(self) -> tuple[int, int]:
        """N and M, 2 and 4 unless given."""
        kept, group = (int(part) for part in (self.pattern or "2:4").split(":"))
        return kept, group

    def _given(self) -> str:
        given: dict[str, Any] = {"a ratio": self.ratio, "alphas": self.alphas}
        return " and ".join(name for name, value in given.items() if value) or "nothing"
