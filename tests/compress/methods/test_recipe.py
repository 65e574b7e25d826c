from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest
from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.data.datasets import Dataset
from compress.methods.prune import PruneResult
from compress.methods.recipe import Outcome, Recipe, Request, recipe_of
from compress.methods.target import Target

TARGET = Target(ratio=4.0, scope="network", schedule="falling")
PRUNED = PruneResult({}, (), ())


def test_a_recipe_hands_a_method_the_targets_sets_and_schedule(
    small_network: nn.Module, small_data: Dataset, tmp_path: Path
) -> None:
    method = Mock(return_value=PRUNED)
    request = Request(small_network, small_data, TARGET, AdmmConfig(seed=3), tmp_path)
    outcome = recipe_of("mine", "one line", method).run(request)
    method.assert_called_once_with(
        small_network, small_data, request.constraints, request.settings, tmp_path / "mine.pt", None
    )
    assert request.settings.sparsity_rise > 0
    assert request.settings.seed == 3
    assert [constraint.layers for constraint in request.constraints] == [("0", "4")]
    assert outcome.pruned is PRUNED
    assert outcome.intervals == {}


def test_without_a_folder_there_is_no_checkpoint(small_network: nn.Module, small_data: Dataset) -> None:
    assert Request(small_network, small_data, TARGET, AdmmConfig()).checkpoint("x.pt") is None


@pytest.mark.parametrize(("compacts", "quantizes"), [(False, False), (True, False), (False, True)])
def test_batch_norms_are_folded_for_what_changes_the_layers(compacts: bool, quantizes: bool) -> None:
    recipe = Recipe("mine", "one line", lambda _: Outcome(PRUNED, {}), compacts=compacts, quantizes=quantizes)
    assert recipe.folds == (compacts or quantizes)
