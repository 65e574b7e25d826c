"""Parameters and buffers that cannot be trained, pruned or saved as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from compress.base.errors import CodesignError
from compress.networks.checks import check_plain
from compress.networks.fold import fold_batch_norms
from compress.networks.tensors import check_initialized, check_tensors
from tests.compress.networks.not_plain import ODD_TENSORS
from tests.compress.networks.odd_networks import plain


def _check(network: nn.Module) -> None:
    check_initialized(network)
    check_tensors(network, meta=False)


@pytest.mark.parametrize("case", ODD_TENSORS)
@pytest.mark.filterwarnings("ignore")  # torch's own, on lazy and complex modules
def test_each_is_refused_with_its_cause_and_the_next_step(case: str) -> None:
    make, cause, step = ODD_TENSORS[case]
    network = make()
    with pytest.raises(CodesignError, match=cause) as error:
        _check(network)
    assert step in error.value.next_step


def _run_lazy(network: Any) -> None:
    network.conv, network.norm, network.fc = nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.LazyLinear(144)
    network(torch.rand(2, 1, 8, 8))


def _convert_back(network: Any) -> None:
    network.double().float()


def _share_nothing(network: Any) -> None:
    """Slices and transposes of tensors of their own."""
    network.fc.weight = nn.Parameter(torch.ones(144, 288)[:, ::2])
    network.last.weight = nn.Parameter(torch.ones(144, 144).t())


@pytest.mark.parametrize("change", [_run_lazy, _convert_back, _share_nothing])
@pytest.mark.filterwarnings("ignore:Lazy")
def test_a_network_is_plain_with_tensors_of_its_own(change: Callable[[nn.Module], None]) -> None:
    network = plain()
    change(network)
    _check(network)
    check_plain(network)
    fold_batch_norms(network, (1, 8, 8))


def test_tensors_without_values_are_allowed_on_request() -> None:
    check_tensors(plain().to("meta"), meta=True)
