import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.sets.balance import GroupCardinality, InputPattern


def random_weights(seed: int, shape: tuple[int, ...]) -> torch.Tensor:
    return torch.randint(-4, 5, shape, generator=torch.Generator().manual_seed(seed)).double() / 8


def least_loss(parts: list[torch.Tensor], count: int) -> float:
    """Squared magnitude that must go when each part keeps ``count``, by trying every choice."""
    return sum(
        min(float(part[list(d)].square().sum()) for d in itertools.combinations(range(len(part)), len(part) - kept))
        for part in parts
        for kept in [min(count, len(part))]
    )


SHAPES = st.one_of(
    st.tuples(st.integers(1, 3), st.integers(1, 7)),
    st.tuples(st.integers(1, 2), st.integers(1, 4), st.integers(1, 2), st.just(2)),
)


class TestGroupCardinality:
    @given(st.integers(0, 10**6), SHAPES, st.integers(0, 5), st.integers(1, 5))
    @settings(deadline=None)
    def test_no_member_of_the_set_is_closer(self, seed: int, shape: tuple[int, ...], count: int, groups: int) -> None:
        weights = random_weights(seed, shape)
        size = math.ceil(shape[1] / groups)
        parts = [channels.flatten() for filter_ in weights for channels in filter_.split(size)]
        projected = GroupCardinality(count, groups).project(weights)
        assert float((weights - projected).square().sum()) == least_loss(parts, count)
        kept = [int(c.count_nonzero()) for filter_ in projected for c in filter_.split(size)]
        assert max(kept) <= count or count == 0

    def test_every_row_of_the_array_gets_the_same_number(self) -> None:
        weights = torch.randn(8, 12, 3, 3, generator=torch.Generator().manual_seed(0))
        projected = GroupCardinality(5, groups=4).project(weights)
        assert (projected.reshape(8, 4, -1) != 0).sum(dim=2).unique().tolist() == [5]

    def test_impossible_groups_are_a_clear_error(self) -> None:
        with pytest.raises(CodesignError, match="0 groups"):
            GroupCardinality(1, 0)
        with pytest.raises(CodesignError, match="cannot keep -1"):
            GroupCardinality(-1, 2)
        with pytest.raises(CodesignError, match="one layer"):
            GroupCardinality(1, 2).project(torch.ones(4))


class TestInputPattern:
    @given(st.integers(0, 10**6), SHAPES, st.integers(1, 4), st.integers(0, 4))
    @settings(deadline=None)
    def test_no_member_of_the_set_is_closer(self, seed: int, shape: tuple[int, ...], group: int, drop: int) -> None:
        weights, count = random_weights(seed, shape), max(0, group - drop)
        taps = weights.reshape(shape[0], shape[1], -1)
        parts = [p for f in range(shape[0]) for t in range(taps.shape[2]) for p in taps[f, :, t].split(group)]
        projected = InputPattern(count, group).project(weights)
        assert float((weights - projected).square().sum()) == least_loss(parts, count)
        assert torch.equal(InputPattern(count, group).project(projected), projected)

    def test_two_of_four(self) -> None:
        weights = torch.randn(6, 16, 3, 3, generator=torch.Generator().manual_seed(0))
        projected = InputPattern(2, 4).project(weights)
        assert (projected.reshape(6, 4, 4, 3, 3) != 0).sum(dim=2).unique().tolist() == [2]

    @pytest.mark.parametrize(("count", "group"), [(3, 2), (-1, 4), (0, 0)])
    def test_an_impossible_pattern_is_a_clear_error(self, count: int, group: int) -> None:
        with pytest.raises(CodesignError, match="not a pattern"):
            InputPattern(count, group)


@pytest.mark.parametrize("target", [GroupCardinality(2, 2), InputPattern(1, 2)])
def test_the_input_is_not_changed(target: GroupCardinality | InputPattern) -> None:
    weights = torch.ones(2, 4, requires_grad=True)
    assert not target.project(weights).requires_grad
    assert bool((weights == 1).all())
