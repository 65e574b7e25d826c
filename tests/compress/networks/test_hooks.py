"""Hooks on modules, parameters, and on all modules."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from compress.base.errors import CodesignError
from compress.networks.checks import check_plain
from compress.networks.hooks import check_no_hooks
from tests.compress.networks.not_plain import HOOKED
from tests.compress.networks.odd_networks import plain


@pytest.mark.parametrize("case", HOOKED)
def test_each_is_refused_with_its_cause_and_the_next_step(case: str) -> None:
    make, cause, step = HOOKED[case]
    network = make()
    with pytest.raises(CodesignError, match=cause) as error:
        check_no_hooks(network)
    assert step in error.value.next_step


@pytest.mark.parametrize(
    "register",
    [nn.modules.module.register_module_forward_hook, nn.modules.module.register_module_full_backward_hook],
)
def test_a_hook_on_all_modules_is_refused(register: Callable[..., torch.utils.hooks.RemovableHandle]) -> None:
    handle = register(lambda *_: None)
    try:
        with pytest.raises(CodesignError, match="hook on all modules"):
            check_plain(plain())
    finally:
        handle.remove()
    check_plain(plain())


def test_a_network_is_plain_again_without_its_hooks() -> None:
    network = plain()
    network.register_forward_hook(print).remove()
    network.get_parameter("fc.weight").register_hook(print).remove()
    check_no_hooks(network)
    check_plain(network)
