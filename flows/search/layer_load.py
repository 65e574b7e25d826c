"""A layer as a search sees it: its sizes, and which of its weights are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.mapping.geometry import ArrayGeometry

__all__ = ["LayerLoad", "Mask"]

Mask = NDArray[np.bool_]
"""(K, C / groups, R, S), true where a weight is kept."""


@dataclass(frozen=True, eq=False)
class LayerLoad:
    """What an array has to do for one layer.

    Members
    -------
    mask : bool (K, C / groups, R, S)
        True where a weight is kept.
    batch : int
        Samples run at once; lanes are pixels of all of them.
    """

    name: str
    geometry: ArrayGeometry
    mask: Mask
    batch: int = 1

    @classmethod
    def unpruned(cls, name: str, geometry: ArrayGeometry, batch: int = 1) -> LayerLoad:
        """With every weight kept."""
        return cls(name, geometry, np.ones(geometry.weight_shape, np.bool_), batch)

    def dense(self) -> LayerLoad:
        """The same layer with every weight kept."""
        return self.unpruned(self.name, self.geometry, self.batch)

    def pruned(self, mask: Mask) -> LayerLoad:
        """The same layer with another mask."""
        return replace(self, mask=mask)

    @cached_property
    def group_nonzeros(self) -> tuple[int, ...]:
        """Weights kept in each group: groups run one after the other, and banks hold one of them."""
        return tuple(self.mask.reshape(self.geometry.groups, -1).sum(axis=1).tolist())

    @property
    def group_filters(self) -> int:
        """Filters of one group."""
        return len(self.mask) // self.geometry.groups
