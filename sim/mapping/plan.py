"""What a layer needs of an array, from its mask alone: words, depths and pixel groups; no levels needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from rtl.config import ArrayConfig
from rtl.formats.index_format import IndexFormat
from sim.mapping.encoders.packer import RowPlan
from sim.mapping.encoders.registry import make_packer
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.image_layout import ImageLayout
from sim.mapping.slices import RowSlice, slice_alike, slice_rows

__all__ = ["Depths", "LayerPlan", "plan_layer", "row_weights"]


@dataclass(frozen=True)
class Depths:
    """Words that a layer needs in the deepest row's banks, named as in ``ArrayConfig``."""

    weight_depth: int
    activation_depth: int
    table_depth: int
    bias_depth: int

    def largest(self, other: Depths) -> Depths:
        """The larger depth of each bank."""
        return Depths(
            max(self.weight_depth, other.weight_depth),
            max(self.activation_depth, other.activation_depth),
            max(self.table_depth, other.table_depth),
            max(self.bias_depth, other.bias_depth),
        )

    def short(self, config: ArrayConfig) -> list[str]:
        """Every bank of ``config`` that is too small, with the words it has and needs."""
        return [
            f"{member} {getattr(config, member)} < {need}"
            for member, need in vars(self).items()
            if need > getattr(config, member)
        ]

    def check(self, name: str, config: ArrayConfig, what: str = "") -> None:
        """CodesignError that names every bank of ``config`` that is too small for ``what`` of layer ``name``."""
        if short := self.short(config):
            raise CodesignError(
                f"{what}layer {name!r} does not fit the array: {', '.join(short)}",
                "generate an array with deeper banks or more rows, or prune the layer further",
            )


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """A layer's mask laid out on rows of ``lanes``.

    ``tokens_rk`` (rows, K) is what each row of a subarray executes for each filter, one a cycle. ``rows`` has what each
    of them stores. With ``lockstep`` all rows have the same taps and as many positions as the one with the most
    channels; what a row lacks are weights of one in planes of zeros.
    """

    layout: ImageLayout
    slices: tuple[RowSlice, ...]
    tokens_rk: NDArray[np.int64]
    rows: tuple[RowPlan, ...]
    index: IndexFormat
    weight_bits: int = 8
    lockstep: bool = False

    @property
    def channels(self) -> int:
        """Channels in the bank of the row that has the most."""
        return max(1, *(len(row.channels) for row in self.slices))

    @property
    def useful_tokens(self) -> NDArray[np.int64]:
        """(rows,): tokens of all filters, without the weights that rows in lock-step are filled up with."""
        if not self.lockstep:
            return np.asarray(self.tokens_rk.sum(axis=1))
        return np.array([row.positions * self.tokens_rk.shape[1] for row in self.slices])

    @property
    def depths(self) -> Depths:
        """Bank words this layer needs; an SRAM has at least two, and an activation bank is two of them."""
        counted = self.index.counts_positions
        positions = max(len(row.taps) if counted else row.positions for row in self.slices)
        words = self.layout.words(self.channels)
        return Depths(
            weight_depth=max(2, *(row.words for row in self.rows)),
            activation_depth=max(4, words + words % 2),
            table_depth=max(2, positions + self.index.leading_positions),
            bias_depth=max(2, self.tokens_rk.shape[1]),
        )


def plan_layer(
    mask_kcrs: NDArray[np.bool_],
    geometry: ArrayGeometry,
    rows: int,
    lanes: int,
    index: IndexFormat,
    batch: int = 1,
    weight_bits: int = 8,
    slices: tuple[RowSlice, ...] | None = None,
    subarrays: int = 1,
    lockstep: bool = False,
) -> LayerPlan:
    """Lay out a mask of shape (K, C, R, S) for ``batch`` images on ``subarrays`` of ``rows``, codes of ``weight_bits``.

    The array pools the ``geometry``'s window: take it away (``ArrayGeometry.on``) where it cannot.

    ``slices`` says which row has which positions; without it positions are assigned so that rows are balanced. With
    ``lockstep`` every row has the same taps.
    CodesignError for a mask that the format cannot store, and for groups, which ``sim.mapping.schedule`` gives runs of
    their own.
    """
    if geometry.groups != 1:
        raise CodesignError(f"a run of the array has one group, not {geometry.groups}", "plan each group by itself")
    filters, channels = mask_kcrs.shape[:2]
    mask_kct = mask_kcrs.reshape(filters, channels, -1)
    slices = slices or (slice_alike(mask_kct, rows) if lockstep else slice_rows(mask_kct, rows))
    packer = make_packer(index, weight_bits)
    positions = max(1, *(row.positions for row in slices)) if lockstep else 1
    plans = tuple(packer.plan(row_weights(row, mask_kct, positions)) for row in slices)
    tokens = np.stack([plan.tokens_k for plan in plans])
    return LayerPlan(
        ImageLayout(geometry, lanes, batch, subarrays), slices, tokens, plans, index, weight_bits, lockstep
    )


def row_weights(row: RowSlice, weights_kct: NDArray[Any], positions: int = 1) -> NDArray[Any]:
    """(K, L) of a row; with fewer than ``positions``, ones follow: weights of all-zero planes."""
    taken = row.take(weights_kct)
    missing = max(0, positions - row.positions)
    return np.pad(taken, ((0, 0), (0, missing)), constant_values=1).astype(weights_kct.dtype)
