"""A layer's weights as they are stored: a few bits for each nonzero, and what turns these into numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError

__all__ = ["MAX_CENTROIDS", "ClusteredWeights", "PackedWeights"]

MAX_CENTROIDS = 256


@dataclass(frozen=True, eq=False)
class PackedWeights:
    """A quantized layer: ``levels`` int16 (K, C / groups, R, S), 0 where pruned; weights are ``levels * interval``."""

    name: str
    levels: NDArray[np.int16]
    weight_bits: int
    interval: float

    @property
    def weights(self) -> NDArray[np.float32]:
        """Real weights in the levels' shape."""
        return self.levels.astype(np.float32) * np.float32(self.interval)


@dataclass(frozen=True, eq=False)
class ClusteredWeights:
    """A clustered layer: the weight of label k is the k-th centroid, counted from 1, and 0 of label 0.

    Members
    -------
    labels : int16 (K, C / groups, R, S)
        0 where pruned, else 1..M.
    centroids : float32 (M,)
        The codebook, M at most 256.
    """

    name: str
    labels: NDArray[np.int16]
    centroids: NDArray[np.float32]

    def __post_init__(self) -> None:
        count, fault = len(self.centroids), ""
        if count > MAX_CENTROIDS:
            fault = f"{count} centroids, more than {MAX_CENTROIDS}"
        elif self.labels.size and not 0 <= int(self.labels.min()) <= int(self.labels.max()) <= count:
            fault = f"a label outside of 0..{count}"
        if fault:
            raise CodesignError(f"layer {self.name!r} has {fault}", "cluster its weights again")

    @property
    def weight_bits(self) -> int:
        """Bits of a kept weight's label: enough to tell M apart, none for a single centroid."""
        return max(0, len(self.centroids) - 1).bit_length()

    @property
    def weights(self) -> NDArray[np.float32]:
        """Real weights in the labels' shape."""
        return np.concatenate([np.zeros(1, np.float32), self.centroids])[self.labels]
