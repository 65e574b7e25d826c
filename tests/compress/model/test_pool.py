import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from compress.base.errors import CodesignError
from compress.model.pool import Pool, PoolKind

pairs = st.tuples(st.integers(1, 5), st.integers(1, 5))


@given(pairs, pairs, st.integers(5, 20), st.integers(5, 20))
def test_pools_have_the_sizes_of_torch(
    kernel: tuple[int, int], stride: tuple[int, int], height: int, width: int
) -> None:
    pooled = nn.MaxPool2d(kernel, stride)(torch.zeros(1, 1, height, width))
    assert Pool(PoolKind.MAX, kernel, stride).output_size(height, width) == tuple(pooled.shape[2:])


@pytest.mark.parametrize(("kernel", "stride"), [((0, 1), (1, 1)), ((2, 2), (1, 0))])
def test_an_empty_pool_is_a_clear_error(kernel: tuple[int, int], stride: tuple[int, int]) -> None:
    with pytest.raises(CodesignError, match="must be positive"):
        Pool(PoolKind.AVERAGE, kernel, stride)
