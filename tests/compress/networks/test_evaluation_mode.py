from typing import Self

import pytest
from torch import nn

from compress.base.errors import CodesignError
from compress.networks.evaluation_mode import evaluation_mode


def test_each_module_gets_its_own_mode_back_even_after_an_error() -> None:
    network = nn.Sequential(nn.Dropout(), nn.Sequential(nn.BatchNorm2d(2), nn.ReLU()))
    network[1].eval()
    modes = [module.training for module in network.modules()]
    with evaluation_mode(network):
        assert not any(module.training for module in network.modules())
    assert [module.training for module in network.modules()] == modes
    with pytest.raises(ZeroDivisionError), evaluation_mode(network):
        raise ZeroDivisionError
    assert [module.training for module in network.modules()] == modes


class AlwaysTraining(nn.Dropout):
    """Keeps dropping for Monte Carlo estimates."""

    def train(self, mode: bool = True) -> Self:
        return super().train(True)


def test_a_module_that_resists_is_named() -> None:
    network = nn.Sequential(nn.Linear(1, 1), AlwaysTraining())
    with pytest.raises(CodesignError, match="'1' stays in training mode"), evaluation_mode(network):
        pytest.fail("entered")
    assert network.training
