"""Weight clustering: few different values, found by k-means in every projection (000 Alg. 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compress.base.errors import CodesignError
from compress.storage.values import MAX_CENTROIDS

__all__ = ["Clusters", "kmeans"]

Array = NDArray[np.float64]
EXACT_VALUES = 512  # different values up to which k-means is exact; more are first put into as many bins
MAX_ROUNDS = 100  # of Lloyd's algorithm after the bins; it has hardly anything left to do


@dataclass(frozen=True, eq=False)
class Clusters:
    """At most ``count`` different values (000 eq. (3)), wherever they lie; zeros are pruned weights and stay.

    The pruned weights are those that ``mask`` says; without a mask those that are exactly zero. With ``or_zero``
    zero is one more value that any weight may take, as the joint form needs (see ``LevelsOrZero``).

    >>> Clusters(2).project(torch.tensor([1.0, 0.0, 3.0, -2.0]))
    tensor([ 2.,  0.,  2., -2.])
    """

    count: int
    mask: Tensor | None = None
    or_zero: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MAX_CENTROIDS:
            raise CodesignError(
                f"{self.count} clusters are not in 1..{MAX_CENTROIDS}",
                "use 2**n clusters for n bits per weight, n <= 8",
            )

    def project(self, weights: Tensor) -> Tensor:
        """Every kept weight's centroid: its cluster's mean."""
        centroids, labels = self.assign(weights)
        return torch.cat([centroids.new_zeros(1), centroids])[labels]

    def assign(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Centroids (at most ``count``, rising, in the weights' dtype) and labels: 0 pruned, k the k-th centroid."""
        kept = weights != 0 if self.mask is None else self.mask
        values = weights.detach()[kept]
        centroids = torch.from_numpy(kmeans(values.double().cpu().numpy(), self.count, self.or_zero))
        centroids = centroids.to(weights.device, weights.dtype)
        places, label_of_place = _places(centroids, self.or_zero)
        labels = torch.zeros(weights.shape, dtype=torch.int64, device=weights.device)
        labels[kept] = label_of_place[torch.bucketize(values, (places[1:] + places[:-1]) / 2)]
        return centroids, labels


def _places(centroids: Tensor, or_zero: bool) -> tuple[Tensor, Tensor]:
    """All values a weight may take, rising, and the label of each."""
    labels = torch.arange(1, len(centroids) + 1, device=centroids.device)
    if not or_zero:
        return centroids, labels
    places = torch.cat([centroids, centroids.new_zeros(1)])
    order = places.argsort(stable=True)
    return places[order], torch.cat([labels, labels.new_zeros(1)])[order]


def kmeans(values: Array, count: int, or_zero: bool = False) -> Array:
    """At most ``count`` centroids, rising, with the least sum of squared distances; beside zero if ``or_zero``.

    In one dimension clusters are runs of the sorted values, so dynamic programming over the runs' ends is exact.
    It runs on the values themselves where at most ``EXACT_VALUES`` differ, else on as many bins of equal population;
    then Lloyd's algorithm moves the bounds to single values. Nothing is random.
    """
    distinct, weights = np.unique(values, return_counts=True)
    if len(distinct) <= count:
        return distinct[distinct != 0] if or_zero else distinct
    sums = _RunSums(distinct, weights.astype(np.float64))
    ends = np.arange(len(distinct) + 1)
    if len(distinct) > EXACT_VALUES:
        populations = np.linspace(0, sums.counts[-1], EXACT_VALUES + 1)
        ends = np.unique(np.searchsorted(sums.counts, populations))
    return _lloyd(sums, _best_runs(sums, ends, count, or_zero), or_zero)


class _RunSums:
    """Prefix sums over sorted values: number, sum and sum of squares of any run in constant time."""

    def __init__(self, distinct: Array, weights: Array) -> None:
        self.distinct = distinct
        self.counts, self.firsts, self.seconds = (
            np.concatenate([[0.0], np.cumsum(weights * distinct**power)]) for power in range(3)
        )

    def mean(self, start: NDArray[np.int64], end: NDArray[np.int64]) -> Array:
        return np.asarray((self.firsts[end] - self.firsts[start]) / (self.counts[end] - self.counts[start]))

    def costs(self, ends: NDArray[np.int64]) -> tuple[Array, Array]:
        """Cost of the run from ends[i] to ends[j] at [i, j]: around its mean, and around zero; infinite for i > j."""
        count, first, second = (part[ends][None, :] - part[ends][:, None] for part in self._parts)
        around_mean = np.maximum(0.0, second - first**2 / np.maximum(count, 1))
        empty = np.tril(np.full(count.shape, np.inf), -1)
        return around_mean + empty, second + empty

    @property
    def _parts(self) -> tuple[Array, Array, Array]:
        return self.counts, self.firsts, self.seconds


def _best_runs(sums: _RunSums, ends: NDArray[np.int64], count: int, or_zero: bool) -> Array:
    """Centroids of the best division into at most ``count`` runs, and with ``or_zero`` one more around zero."""
    around_mean, around_zero = sums.costs(ends)
    table = np.full((count + 1, 2, len(ends)), np.inf)  # least cost: runs, zero's run was used, end
    origin = np.zeros(table.shape, np.int64)
    was_zero = np.zeros(table.shape, bool)
    table[0, 0, 0] = 0.0
    for runs in range(count + 1):
        for used in (0, 1):
            options = []
            if runs:
                options.append(table[runs - 1, used, :, None] + around_mean)
            if used and or_zero:
                options.append(table[runs, 0, :, None] + around_zero)
            for zero, option in enumerate(options, start=0 if runs else 1):
                best = option.argmin(axis=0)
                cost = np.take_along_axis(option, best[None], axis=0)[0]
                better = cost < table[runs, used]
                table[runs, used][better] = cost[better]
                origin[runs, used][better] = best[better]
                was_zero[runs, used][better] = bool(zero)
    return _read_back(sums, ends, table, origin, was_zero)


def _read_back(
    sums: _RunSums, ends: NDArray[np.int64], table: Array, origin: NDArray[np.int64], was_zero: NDArray[np.bool_]
) -> Array:
    runs, used = np.unravel_index(table[:, :, -1].argmin(), table.shape[:2])
    place, centroids = len(ends) - 1, []
    while place > 0:
        start = origin[runs, used, place]
        if was_zero[runs, used, place]:
            used = np.int64(0)
        else:
            if start < place:
                centroids.append(float(sums.mean(ends[start], ends[place])))
            runs = runs - 1
        place = start
    return np.array(centroids[::-1])


def _lloyd(sums: _RunSums, centroids: Array, or_zero: bool) -> Array:
    """Assign each value to the closest place, move centroids to their means, until nothing changes."""
    for _ in range(MAX_ROUNDS):
        places = np.sort(np.append(centroids, 0.0)) if or_zero else centroids
        inner = np.searchsorted(sums.distinct, (places[1:] + places[:-1]) / 2, side="right")
        ends = np.concatenate([[0], inner, [len(sums.distinct)]])
        used = (ends[1:] > ends[:-1]) & ((places != 0) | (not or_zero))
        moved = sums.mean(ends[:-1][used], ends[1:][used])
        if np.array_equal(moved, centroids):
            break
        centroids = moved
    return centroids
