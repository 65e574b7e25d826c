import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from compress.base.errors import CodesignError
from compress.train.histograms import BINS, admm_histograms, copy_weights, weight_histograms

finite = st.floats(-(2.0**100), 2.0**100, width=32)


@given(st.lists(finite, max_size=50), st.lists(finite, max_size=50))
def test_every_weight_is_counted_once_in_its_bin_or_as_a_zero(before: list[float], after: list[float]) -> None:
    snapshots = {"before": torch.tensor(before), "after": torch.tensor(after)}
    (layer,) = weight_histograms({name: {"fc": values} for name, values in snapshots.items()})
    assert len(layer.edges) == BINS + 1
    assert [snapshot.name for snapshot in layer.moments] == ["before", "after"]
    for snapshot, values in zip(layer.moments, snapshots.values(), strict=True):
        assert snapshot.zeros == int((values == 0).sum())
        nonzero = values[values != 0].double().numpy()
        bins = np.minimum(np.searchsorted(layer.edges, nonzero, side="right") - 1, BINS - 1)
        assert list(snapshot.counts) == np.bincount(bins, minlength=BINS).tolist()


def test_bins_are_symmetric_and_reach_the_largest_magnitude_of_all_snapshots() -> None:
    (layer,) = weight_histograms({"a": {"fc": torch.tensor([0.5])}, "b": {"fc": torch.tensor([-2.0, 1.0])}})
    assert layer.edges[0] == -2
    assert layer.edges == pytest.approx([-edge for edge in reversed(layer.edges)])


def test_an_all_zero_layer_has_zeros_alone() -> None:
    (layer,) = weight_histograms({"now": {"fc": torch.zeros(3, 4)}})
    assert layer.moments[0].zeros == 12
    assert sum(layer.moments[0].counts) == 0


def test_copied_weights_do_not_change_with_the_network(small_network: nn.Module) -> None:
    copied = copy_weights(small_network)
    before = weight_histograms({"now": copied})
    with torch.no_grad():
        for parameter in small_network.parameters():
            parameter.zero_()
    assert copied.keys() == {"0", "4"}
    assert weight_histograms({"now": copied}) == before


def test_only_where_there_was_admm_are_moments_named_after_it(small_network: nn.Module) -> None:
    before = copy_weights(small_network)
    for after_admm, names in (({}, ["before", "after"]), (before, ["before ADMM", "after ADMM", "after retraining"])):
        for layer in admm_histograms(before, after_admm, small_network):
            assert [moment.name for moment in layer.moments] == names


@pytest.mark.parametrize(
    "snapshots",
    [{}, {"a": {"x": torch.ones(1)}, "b": {"y": torch.ones(1)}}, {"a": {"x": torch.tensor([float("nan")])}}],
    ids=["none", "other layers", "not finite"],
)
def test_what_cannot_be_counted_is_a_clear_error(snapshots: dict[str, dict[str, torch.Tensor]]) -> None:
    with pytest.raises(CodesignError, match=r"same layers|not finite"):
        weight_histograms(snapshots)
