import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from compress.base.errors import CodesignError
from compress.sets import intervals
from compress.sets.constraints import Cardinality, Levels, LevelsOrZero, search_interval

# Eighths tie often, and their squares are exact.
EIGHTHS = st.integers(-16, 16).map(lambda eighths: eighths / 8)
TENSORS = hnp.arrays(np.float64, hnp.array_shapes(max_dims=3, max_side=3), elements=EIGHTHS).map(torch.from_numpy)
SMALL_TENSORS = TENSORS.filter(lambda tensor: tensor.numel() <= 9)


def squared_distance(first: torch.Tensor, second: torch.Tensor) -> float:
    return float((first - second).square().sum())


class TestCardinality:
    @given(SMALL_TENSORS, st.integers(0, 10))
    @settings(deadline=None)
    def test_no_member_of_the_set_is_closer(self, weights: torch.Tensor, count: int) -> None:
        flat = weights.reshape(-1)
        closest = min(
            float(flat[list(dropped)].square().sum())
            for dropped in itertools.combinations(range(flat.numel()), max(0, flat.numel() - count))
        )
        projected = Cardinality(count).project(weights)
        assert squared_distance(weights, projected) == closest
        assert int(projected.count_nonzero()) <= count

    @given(SMALL_TENSORS, st.integers(0, 10))
    @settings(deadline=None)
    def test_projecting_twice_changes_nothing(self, weights: torch.Tensor, count: int) -> None:
        once = Cardinality(count).project(weights)
        assert torch.equal(Cardinality(count).project(once), once)

    def test_the_input_is_not_changed(self) -> None:
        weights = torch.tensor([1.0, 2.0])
        Cardinality(1).project(weights)
        assert weights.tolist() == [1.0, 2.0]

    def test_a_negative_count_is_a_clear_error(self) -> None:
        with pytest.raises(CodesignError, match="cannot keep -1"):
            Cardinality(-1)


class TestLevels:
    @given(TENSORS, st.integers(1, 4), st.sampled_from([0.125, 0.25, 0.3, 1.0]))
    @settings(deadline=None)
    def test_no_level_is_closer(self, weights: torch.Tensor, bits: int, interval: float) -> None:
        half = 2 ** (bits - 1)
        allowed = torch.tensor([k for k in range(-half, half + 1) if k], dtype=weights.dtype) * interval
        projected = Levels(bits, interval).project(weights)
        closest = (weights[..., None] - allowed).abs().min(dim=-1).values
        expected = torch.where(weights == 0, torch.zeros_like(weights), closest)
        torch.testing.assert_close((weights - projected).abs(), expected, rtol=0, atol=1e-12)
        assert set(projected[weights != 0].tolist()) <= set(allowed.tolist())

    @given(TENSORS, st.integers(1, 8))
    @settings(deadline=None)
    def test_the_mask_decides_what_is_zero(self, weights: torch.Tensor, bits: int) -> None:
        mask = torch.arange(weights.numel()).reshape(weights.shape) % 3 != 0
        levels = Levels(bits, 0.3, mask).levels(weights)
        assert torch.equal(levels != 0, mask)
        assert levels.dtype == torch.int16

    def test_ties_take_the_larger_magnitude_and_zero_the_first_level(self) -> None:
        levels = Levels(3, 1.0, torch.ones(5, dtype=torch.bool))
        assert levels.levels(torch.tensor([1.5, -1.5, 2.5, 0.0, -9.0])).tolist() == [2, -2, 3, 1, -4]

    @given(TENSORS)
    @settings(deadline=None)
    def test_projecting_twice_changes_nothing(self, weights: torch.Tensor) -> None:
        once = Levels(3, 0.3).project(weights)
        assert torch.equal(Levels(3, 0.3).project(once), once)

    @pytest.mark.parametrize(
        ("bits", "interval"), [(0, 1.0), (9, 1.0), (4, 0.0), (4, -1.0), (4, torch.inf), (4, torch.nan)]
    )
    def test_impossible_levels_are_a_clear_error(self, bits: int, interval: float) -> None:
        with pytest.raises(CodesignError):
            Levels(bits, interval)


class TestLevelsOrZero:
    @given(TENSORS, st.integers(1, 4), st.sampled_from([0.125, 0.3, 1.0]))
    @settings(deadline=None)
    def test_no_allowed_value_is_closer(self, weights: torch.Tensor, bits: int, interval: float) -> None:
        half = 2 ** (bits - 1)
        allowed = torch.arange(-half, half + 1, dtype=weights.dtype) * interval
        projected = LevelsOrZero(bits, interval).project(weights)
        closest = (weights[..., None] - allowed).abs().min(dim=-1).values
        torch.testing.assert_close((weights - projected).abs(), closest, rtol=0, atol=1e-12)

    def test_impossible_levels_are_a_clear_error(self) -> None:
        with pytest.raises(CodesignError, match="weight_bits"):
            LevelsOrZero(9, 1.0)


def square_error(weights: torch.Tensor, bits: int, interval: float) -> float:
    return squared_distance(weights, Levels(bits, interval).project(weights))


class TestSearchInterval:
    @given(
        hnp.arrays(np.float64, st.integers(1, 12), elements=st.floats(-2, 2).filter(lambda w: w == 0 or abs(w) > 1e-3)),
        st.integers(1, 4),
    )
    @settings(deadline=None, max_examples=60)
    def test_no_interval_of_a_dense_scan_is_better(self, array: np.ndarray, bits: int) -> None:
        weights = torch.from_numpy(array)
        error = square_error(weights, bits, search_interval(weights, bits))
        scan = np.linspace(1e-3, 1.1 * max(1e-3, float(weights.abs().max())), 3000)
        best = min(square_error(weights, bits, interval) for interval in scan)
        assert error <= best + 1e-12

    @pytest.mark.parametrize("bits", [1, 2, 3, 4, 8])
    def test_the_grid_for_large_layers_is_as_good_as_the_exact_search(
        self, bits: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        weights = torch.randn(400, generator=torch.Generator().manual_seed(bits), dtype=torch.float64)
        monkeypatch.setattr(intervals, "SEARCH_BUDGET", 1 << 40)
        exact = square_error(weights, bits, search_interval(weights, bits))
        monkeypatch.setattr(intervals, "SEARCH_BUDGET", 1 << 16)
        assert square_error(weights, bits, search_interval(weights, bits)) <= exact * 1.002

    @given(st.integers(1, 4), st.sampled_from([0.25, 0.1, 3.0]))
    @settings(deadline=None)
    def test_weights_on_levels_give_their_interval(self, bits: int, interval: float) -> None:
        half = 2 ** (bits - 1)
        weights = torch.tensor([k for k in range(-half, half + 1) if k], dtype=torch.float64) * interval
        assert search_interval(weights, bits) == pytest.approx(interval)

    def test_one_bit_gives_the_mean_magnitude(self) -> None:
        assert search_interval(torch.tensor([1.0, -2.0, 0.0, 6.0]), 1) == pytest.approx(3.0)

    def test_a_layer_of_zeros_gets_a_valid_interval(self) -> None:
        assert search_interval(torch.zeros(3), 4) > 0

    def test_bits_out_of_range_are_a_clear_error(self) -> None:
        with pytest.raises(CodesignError, match="weight_bits"):
            search_interval(torch.ones(3), 9)
