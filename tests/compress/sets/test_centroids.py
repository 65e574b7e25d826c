import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.sets import centroids as clusters
from compress.sets.centroids import Clusters, kmeans

VALUES = st.lists(st.integers(-20, 20).map(lambda eighths: eighths / 8), min_size=1, max_size=7)


def error(values: np.ndarray, places: np.ndarray) -> float:
    return float(((values[:, None] - places[None]) ** 2).min(axis=1).sum())


def least_error(values: np.ndarray, count: int, or_zero: bool) -> float:
    """By trying every division; clusters need not be runs."""
    labels = range(count + or_zero)
    costs = []
    for division in itertools.product(labels, repeat=len(values)):
        cost = 0.0
        for label in set(division):
            members = values[np.array(division) == label]
            centre = 0.0 if label == count else members.mean()
            cost += float(((members - centre) ** 2).sum())
        costs.append(cost)
    return min(costs)


class TestKmeans:
    @given(VALUES, st.integers(1, 3), st.booleans())
    @settings(deadline=None, max_examples=60)
    def test_no_division_is_better(self, values: list[float], count: int, or_zero: bool) -> None:
        array = np.array(values[:6])
        centroids = kmeans(array, count, or_zero)
        places = np.append(centroids, 0.0) if or_zero else centroids
        assert len(centroids) <= count
        assert error(array, places) == pytest.approx(least_error(array, count, or_zero), abs=1e-12)

    @pytest.mark.parametrize("or_zero", [False, True])
    @pytest.mark.parametrize("count", [2, 4, 16])
    def test_bins_cost_hardly_anything(self, count: int, or_zero: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        values = np.random.default_rng(count).standard_normal(1500)
        places = [np.append(kmeans(values, count, or_zero), [0.0] * or_zero)]
        monkeypatch.setattr(clusters, "EXACT_VALUES", 1500)
        places.append(np.append(kmeans(values, count, or_zero), [0.0] * or_zero))
        assert error(values, places[0]) <= 1.005 * error(values, places[1])

    def test_scikit_learn_finds_nothing_better(self) -> None:
        from sklearn.cluster import KMeans

        values = np.random.default_rng(0).laplace(size=5000)
        other = KMeans(8, n_init=3, random_state=0).fit(values[:, None])
        assert error(values, kmeans(values, 8)) <= other.inertia_ * 1.0001


class TestClusters:
    @given(VALUES, st.integers(1, 3), st.booleans())
    @settings(deadline=None)
    def test_few_values_and_projecting_twice_changes_nothing(
        self, values: list[float], count: int, or_zero: bool
    ) -> None:
        weights, target = torch.tensor(values, dtype=torch.float64), Clusters(count, or_zero=or_zero)
        projected = target.project(weights)
        assert len(projected[projected != 0].unique()) <= count
        # A cluster's mean may be 0, which then counts as pruned.
        torch.testing.assert_close(target.project(projected), projected, rtol=0, atol=1e-12)

    def test_every_weight_gets_the_closest_centroid(self) -> None:
        weights = torch.randn(40, 30, generator=torch.Generator().manual_seed(0))
        centroids, labels = Clusters(4).assign(weights)
        assert torch.equal(labels, (weights[..., None] - centroids).abs().argmin(dim=-1) + 1)

    def test_the_mask_decides_what_is_zero(self) -> None:
        mask = torch.tensor([True, False, True, True])
        projected = Clusters(1, mask).project(torch.tensor([0.0, 9.0, 1.0, 2.0]))
        assert projected.tolist() == [1.0, 0.0, 1.0, 1.0]

    def test_with_zero_the_small_weights_become_zero(self) -> None:
        weights = torch.tensor([1.0, 0.1, -0.1, 5.0, 0.0, 5.5, -3.0])
        assert Clusters(3, or_zero=True).project(weights).tolist() == [1.0, 0.0, 0.0, 5.25, 0.0, 5.25, -3.0]

    @pytest.mark.parametrize("target", [Clusters(3), Clusters(3, or_zero=True), Clusters(3, torch.ones(4) > 0)])
    def test_zeros_stay_zeros(self, target: Clusters) -> None:
        assert target.project(torch.zeros(4)).tolist() == [0.0] * 4

    @pytest.mark.parametrize("count", [0, 257])
    def test_impossible_counts_are_a_clear_error(self, count: int) -> None:
        with pytest.raises(CodesignError, match="clusters"):
            Clusters(count)
