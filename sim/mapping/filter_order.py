"""In which order the filters of a layer go down the chain of rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError

__all__ = ["filter_order"]


def filter_order(mask_kcrs: NDArray[np.bool_], groups: int = 1) -> NDArray[np.int64]:
    """Filters (K,) of each group from the most nonzeros to the fewest; equal ones stay in their order.

    A row that has done a short filter waits until the next row has done the longer one before it. In this order
    neighbours are alike, and rows wait for each other less. A mask in this order has the order 0, 1, ..., K - 1.

    >>> filter_order(np.array([[1, 0], [1, 1], [0, 1]], bool).reshape(3, 2, 1, 1)).tolist()
    [1, 0, 2]
    """
    if len(mask_kcrs) % groups:
        raise CodesignError(f"{len(mask_kcrs)} filters are no {groups} equal groups", "give the layer's own groups")
    nonzeros = mask_kcrs.reshape(groups, len(mask_kcrs) // groups, -1).sum(axis=2)
    within = np.argsort(-nonzeros, axis=1, kind="stable")
    return (within + np.arange(0, len(mask_kcrs), nonzeros.shape[1])[:, None]).reshape(-1)
