from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.methods.target import Target

RATIOS = st.floats(1, 1e6, exclude_min=True)


@given(RATIOS)
def test_a_ratio_is_the_alpha_of_every_layer(ratio: float) -> None:
    assert Target(ratio=ratio).layer_alphas() == {"*": 1 / ratio}


@given(st.integers(1, 10**9), RATIOS)
def test_a_network_keeps_its_part_and_at_least_one_weight(size: int, ratio: float) -> None:
    kept = Target(scope="network", ratio=ratio).network_count(size)
    assert kept == 1 or abs(kept - size / ratio) <= 0.5


@given(st.integers(1, 98).flatmap(lambda kept: st.tuples(st.just(kept), st.integers(kept + 1, 99))))
def test_a_pattern_is_its_two_numbers(counts: tuple[int, int]) -> None:
    assert Target(scope="n:m", pattern=f"{counts[0]}:{counts[1]}").pattern_counts() == counts
    assert Target(scope="n:m").pattern_counts() == (2, 4)


@pytest.mark.parametrize("pattern", ["0:4", "4:4", "5:4"])
def test_a_pattern_prunes(pattern: str) -> None:
    with pytest.raises(CodesignError, match="it is not N:M with 1 <= N < M") as error:
        Target(scope="n:m", pattern=pattern)
    assert error.value.next_step == "pattern must be a text in quotes such as '2:4'"


def test_alphas_are_given_or_follow_from_a_ratio_and_not_both() -> None:
    assert Target(alphas={"fc": 0.25}).layer_alphas() == {"fc": 0.25}
    with pytest.raises(CodesignError, match="nothing says how many weights stay"):
        Target().layer_alphas()
    with pytest.raises(CodesignError, match="a ratio and alphas says"):
        Target(ratio=2.0, alphas={"fc": 0.25}).layer_alphas()
    with pytest.raises(CodesignError, match="'network' needs one ratio; alphas is given"):
        Target(scope="network", alphas={"fc": 0.25}).network_count(100)
