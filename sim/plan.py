"""What a layer needs of an array, from its mask alone: words, depths and tiles; levels are not looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compress.errors import CodesignError
from rtl.config import ArrayConfig, Dense, Fixed, IndexFormat
from sim.fixed import fixed_words
from sim.geometry import ConvGeometry, ImageLayout
from sim.slices import RowSlice, slice_rows

__all__ = ["Depths", "LayerPlan", "plan_layer"]


@dataclass(frozen=True)
class Depths:
    """Words that a layer needs in the deepest row's banks, named as in ``ArrayConfig``."""

    weight_depth: int
    activation_depth: int
    table_depth: int
    bias_depth: int

    def largest(self, other: Depths) -> Depths:
        """Depths that hold both."""
        return Depths(
            max(self.weight_depth, other.weight_depth),
            max(self.activation_depth, other.activation_depth),
            max(self.table_depth, other.table_depth),
            max(self.bias_depth, other.bias_depth),
        )

    def check(self, name: str, config: ArrayConfig) -> None:
        """CodesignError that names every bank of ``config`` that is too small for layer ``name``."""
        short = [
            f"{member} {getattr(config, member)} < {need}"
            for member, need in vars(self).items()
            if need > getattr(config, member)
        ]
        if short:
            raise CodesignError(
                f"layer {name!r} does not fit the array: {', '.join(short)}",
                "generate an array with deeper banks or more rows, or prune the layer further",
            )


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """A layer's mask laid out on ``rows`` rows of ``lanes``.

    ``tokens_rk`` (rows, K) is what each row executes for each filter, one a cycle; it is also how many weight
    words the filter takes in that row.
    """

    layout: ImageLayout
    slices: tuple[RowSlice, ...]
    tokens_rk: NDArray[np.int64]
    index: IndexFormat

    @property
    def depths(self) -> Depths:
        """Bank words this layer needs; an SRAM has at least two, and an activation bank is two of them."""
        dense = isinstance(self.index, Dense)
        channels = max(1, *(len(row.channels) for row in self.slices))
        positions = max(len(row.taps) if dense else row.positions for row in self.slices)
        words = self.layout.words(channels)
        return Depths(
            weight_depth=max(2, int(self.tokens_rk.sum(axis=1).max())),
            activation_depth=max(4, words + words % 2),
            table_depth=max(2, positions),
            bias_depth=max(2, self.tokens_rk.shape[1]),
        )


def plan_layer(
    mask_kcrs: NDArray[np.bool_], geometry: ConvGeometry, rows: int, lanes: int, index: IndexFormat, batch: int = 1
) -> LayerPlan:
    """Lay out a mask of shape (K, C, R, S) for ``batch`` images; ``Dense`` takes only a mask without zeros."""
    filters, channels = mask_kcrs.shape[:2]
    mask_kct = mask_kcrs.reshape(filters, channels, -1)
    if isinstance(index, Dense) and not mask_kct.all():
        raise CodesignError(
            f"a dense array stores levels without zero, but {int((~mask_kct).sum())} weights are pruned",
            "use a sparse index format for pruned layers",
        )
    slices = slice_rows(mask_kct, rows)
    tokens = np.stack([_tokens(row, mask_kct, index) for row in slices])
    return LayerPlan(ImageLayout(geometry, lanes, batch), slices, tokens, index)


def _tokens(row: RowSlice, mask_kct: NDArray[np.bool_], index: IndexFormat) -> NDArray[np.int64]:
    if row.positions == 0:
        return np.ones(len(mask_kct), np.int64)
    if isinstance(index, Fixed):
        return fixed_words(np.asarray(row.take(mask_kct), np.bool_), index)
    return np.full(len(mask_kct), row.positions, np.int64)
