import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.sets import selection
from compress.sets.selection import largest_in_rows, largest_positions


def by_sorting(weights: torch.Tensor, count: int) -> torch.Tensor:
    chosen = torch.zeros(weights.numel(), dtype=torch.bool)
    chosen[weights.abs().reshape(-1).sort(descending=True, stable=True).indices[:count]] = True
    return chosen.reshape(weights.shape)


class TestLargestPositions:
    @given(st.lists(st.integers(-16, 16).map(lambda eighths: eighths / 8), max_size=40), st.integers(0, 50))
    @settings(deadline=None)
    def test_a_stable_sort_chooses_the_same(self, weights: list[float], count: int) -> None:
        tensor = torch.tensor(weights)
        assert torch.equal(largest_positions(tensor, count), by_sorting(tensor, count))

    @given(st.integers(0, 10**6), st.integers(0, 3000), st.sampled_from([0, 1, 7, 1000]), st.booleans())
    @settings(deadline=None, max_examples=80)
    def test_also_with_a_sample_that_brackets_the_threshold(
        self, seed: int, count: int, different: int, zeros: bool
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        weights = torch.randn(3000, generator=generator)
        if different:
            weights = (weights * different).round() / different
        if zeros:
            weights[torch.randperm(3000, generator=generator)[:2800]] = 0.0
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(selection, "WORTH_SAMPLING", 100)
            patch.setattr(selection, "SAMPLE", 50)
            assert torch.equal(largest_positions(weights, count), by_sorting(weights, count))

    def test_a_sample_that_misleads_costs_time_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(selection, "WORTH_SAMPLING", 100)
        monkeypatch.setattr(selection, "SAMPLE", 50)
        weights = torch.rand(3000, generator=torch.Generator().manual_seed(0))
        weights[::60] = torch.linspace(5, 6, 50)  # all that the sample sees
        for count in (1, 40, 300, 2999):
            assert torch.equal(largest_positions(weights, count), by_sorting(weights, count))

    def test_a_large_tensor_takes_the_fast_way(self) -> None:
        weights = torch.randn(1 << 20, generator=torch.Generator().manual_seed(0))
        assert torch.equal(largest_positions(weights, 30_000), by_sorting(weights, 30_000))

    @given(st.integers(1, 400), st.integers(0, 400))
    @settings(deadline=None)
    def test_the_first_of_equals_stay(self, size: int, count: int) -> None:
        chosen = largest_positions(torch.full((size,), -0.5), count)
        assert chosen.nonzero().flatten().tolist() == list(range(min(size, count)))

    def test_c_order_decides_whatever_the_memory_format(self) -> None:
        weights = torch.ones(2, 3, 2, 2)
        channels_last = weights.to(memory_format=torch.channels_last)
        assert torch.equal(largest_positions(weights, 7), largest_positions(channels_last, 7))

    @pytest.mark.parametrize("value", [torch.nan, torch.inf])
    def test_a_weight_that_is_no_number_is_a_clear_error(self, value: float) -> None:
        with pytest.raises(CodesignError, match="not a finite number"):
            largest_positions(torch.tensor([1.0, value]), 1)


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 9), st.integers(0, 10))
@settings(deadline=None)
def test_every_row_is_selected_like_a_tensor_of_its_own(seed: int, rows: int, length: int, count: int) -> None:
    weights = torch.randint(-3, 4, (rows, length), generator=torch.Generator().manual_seed(seed)) / 8
    chosen = largest_in_rows(weights, count)
    for row in range(rows):
        assert torch.equal(chosen[row], by_sorting(weights[row], count))
