"""Modules that run something else than their class's forward."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from compress.base.errors import CodesignError
from compress.networks.checks import check_plain
from compress.networks.wrappers import called, check_no_wrappers
from tests.compress.networks.not_plain import WRAPPED
from tests.compress.networks.odd_networks import plain


@pytest.mark.parametrize("case", WRAPPED)
@pytest.mark.filterwarnings("ignore")  # torch's own, on old forms
def test_each_is_refused_with_its_cause_and_the_next_step(case: str) -> None:
    make, cause, step = WRAPPED[case]
    network = make()
    with pytest.raises(CodesignError, match=cause) as error:
        check_no_wrappers(network)
    assert step in error.value.next_step


def test_unwrapped_networks_are_plain() -> None:
    check_plain(nn.DataParallel(plain()).module)
    compiled: Any = torch.compile(plain())
    check_plain(compiled._orig_mod)


class Named(nn.Module):
    """Its attributes have names of torch's methods, and it replaces a method of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = plain()
        vars(self).update(type="chain", scale=abs)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.scale(self.layers(images))
        return outputs

    def scale(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs


def test_attributes_that_replace_no_method_of_torchs_are_let_be() -> None:
    check_no_wrappers(Named())


def test_the_network_itself_has_no_quoted_name() -> None:
    assert (called(""), called("layers.0")) == ("the network", "'layers.0'")
