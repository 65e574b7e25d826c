"""Weights that are computed whenever their module runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from torch import nn
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils import prune as torch_prune

from compress.base.errors import CodesignError
from compress.networks.checks import check_plain
from compress.networks.computed_weights import check_weights_are_parameters
from compress.networks.fold import fold_batch_norms
from tests.compress.networks.not_plain import COMPUTED
from tests.compress.networks.odd_networks import plain


@pytest.mark.parametrize("case", COMPUTED)
@pytest.mark.filterwarnings("ignore::FutureWarning")  # torch's own, on old forms
def test_each_is_refused_with_its_cause_and_the_next_step(case: str) -> None:
    make, cause, step = COMPUTED[case]
    network = make()
    with pytest.raises(CodesignError, match=cause) as error:
        check_weights_are_parameters(network)
    assert step in error.value.next_step


def _after_weight_norm(network: Any) -> None:
    parametrizations.weight_norm(network.fc)
    parametrize.remove_parametrizations(network.fc, "weight")


def _after_spectral_norm(network: Any) -> None:
    parametrizations.spectral_norm(network.conv)
    parametrize.remove_parametrizations(network.conv, "weight")


def _after_old_weight_norm(network: Any) -> None:
    nn.utils.remove_weight_norm(nn.utils.weight_norm(network.fc))


def _after_old_spectral_norm(network: Any) -> None:
    nn.utils.remove_spectral_norm(nn.utils.spectral_norm(network.conv))


def _after_prune(network: Any) -> None:
    torch_prune.l1_unstructured(network.fc, "weight", 0.5)
    torch_prune.remove(network.fc, "weight")


@pytest.mark.parametrize(
    "remedy",
    [
        _after_weight_norm,
        _after_spectral_norm,
        _after_old_weight_norm,
        _after_old_spectral_norm,
        _after_prune,
    ],
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_next_step_makes_weights_parameters(remedy: Callable[[nn.Module], None]) -> None:
    network = plain()
    remedy(network)
    check_weights_are_parameters(network)
    check_plain(network)
    fold_batch_norms(network, (1, 8, 8))
