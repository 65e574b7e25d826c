"""The order in which a layer's filters pass the chain of rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError

__all__ = ["filter_order"]


def filter_order(mask_kcrs: NDArray[np.bool_], groups: int = 1) -> NDArray[np.int64]:
    """Filters (K,) of each group from the most nonzeros to the fewest; ties keep their order.

    A row that finishes a short filter waits until the next row has finished the longer filter before it. In this order
    neighbouring filters are similar, so rows wait less. A mask already in this order gives 0, 1, ..., K - 1.

    >>> filter_order(np.array([[1, 0], [1, 1], [0, 1]], bool).reshape(3, 2, 1, 1)).tolist()
    [1, 0, 2]
    """
    if len(mask_kcrs) % groups:
        raise CodesignError(f"{len(mask_kcrs)} filters are not {groups} equal groups", "give the layer's own groups")
    nonzeros = mask_kcrs.reshape(groups, len(mask_kcrs) // groups, -1).sum(axis=2)
    within = np.argsort(-nonzeros, axis=1, kind="stable")
    return (within + np.arange(0, len(mask_kcrs), nonzeros.shape[1])[:, None]).reshape(-1)
