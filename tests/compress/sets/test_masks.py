import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from compress.base.errors import CodesignError
from compress.sets.masks import complete_masks, hold_masked, kept_count, magnitude_mask, nonzero_masks


@given(st.integers(1, 10**6), st.floats(1e-6, 1))
def test_kept_counts_are_rounded_and_never_zero(size: int, alpha: float) -> None:
    count = kept_count(size, alpha)
    assert 1 <= count <= size
    assert count == 1 or abs(count - alpha * size) <= 0.5


def test_the_magnitude_mask_keeps_the_largest() -> None:
    mask = magnitude_mask(torch.tensor([[0.1, -3.0], [2.0, 0.0]]), alpha=0.5)
    assert mask.tolist() == [[False, True], [True, False]]


def test_masks_are_completed_and_checked(small_network: nn.Module) -> None:
    mask = torch.zeros(10, 27, dtype=torch.bool)
    masks = complete_masks(small_network, {"4": mask})
    assert list(masks) == ["0", "4"]
    assert bool(masks["0"].all())
    assert masks["4"] is mask
    with pytest.raises(CodesignError, match="mask of '4'"):
        complete_masks(small_network, {"4": mask.float()})


def test_held_weights_are_zero_and_come_back_to_it(small_network: nn.Module) -> None:
    mask = magnitude_mask(small_network.get_parameter("4.weight"), 0.1)
    fixed = hold_masked(small_network, {"4": mask})
    assert torch.equal(nonzero_masks(small_network, ["4"])["4"], mask)
    with torch.no_grad():
        small_network.get_parameter("4.weight").add_(1.0)
    fixed.restore()
    assert torch.equal(nonzero_masks(small_network, ["4"])["4"], mask)
