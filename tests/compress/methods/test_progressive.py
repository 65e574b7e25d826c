from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.base.progress import Progress
from compress.data.datasets import Dataset
from compress.methods.progressive import prune_progressively
from compress.networks.layers import prunable_layers
from compress.networks.registry import build_network

CONFIG = AdmmConfig(iterations=2, retrain_epochs=1, tolerance=0, sparsity_rise=0.5)


def _kept(network: nn.Module) -> int:
    return sum(int(layer.weight.count_nonzero()) for layer in prunable_layers(network).values())


def test_each_step_leaves_at_most_its_count(digits: Dataset) -> None:
    network = build_network("digits-net", 0)
    for step in prune_progressively(network, digits, (2000, 300, 40), [CONFIG] * 3):
        assert 0 < _kept(network) <= step.count
        assert (len(step.history), len(step.retraining)) == (2, 1)


def test_a_network_that_branches_is_trained_whole(digits: Dataset) -> None:
    network = Branching()
    for step in prune_progressively(network, digits, (900, 100), [CONFIG] * 2):
        assert 0 < _kept(network) <= step.count


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.other, self.fc = nn.Conv2d(1, 4, 3), nn.Conv2d(1, 4, 3), nn.Linear(144, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc((self.conv(images) + self.other(images)).relu().flatten(1))
        return logits


def test_weights_that_reach_no_output_are_dropped(digits: Dataset) -> None:
    """Four layers in a row need four weights for a path; of three none is left after the retraining."""
    network = build_network("digits-net", 0)
    for _ in prune_progressively(network, digits, (2000, 3), [CONFIG] * 2):
        pass
    last = network.get_parameter("fc2.weight")
    assert _kept(network) == int(last.count_nonzero())  # a last layer's weights may read constants
    logits = network(digits.test.images[:9]).detach()
    assert torch.equal(logits, logits[:1].expand_as(logits))


def test_a_run_stopped_after_each_of_its_steps_ends_with_identical_weights(
    small_data: Dataset, small_network: nn.Module, assert_resumable: Callable[..., int]
) -> None:
    def run(network: nn.Module, checkpoints: Path | None, progress: Progress | None) -> list[object]:
        folder = None if checkpoints is None else checkpoints.with_suffix("")
        if folder is not None:
            folder.mkdir(exist_ok=True)
        return list(prune_progressively(network, small_data, (100, 20), [CONFIG] * 2, folder, progress))

    assert assert_resumable(small_network, run) == 2 * (2 + 1)


@pytest.mark.parametrize("counts", [(100, 100), (100, 200), (0,), (30_000,)])
def test_counts_that_do_not_fall_are_refused(digits: Dataset, counts: tuple[int, ...]) -> None:
    with pytest.raises(CodesignError, match="one after the other"):
        next(prune_progressively(build_network("digits-net", 0), digits, counts, [CONFIG] * len(counts)))
