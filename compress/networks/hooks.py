"""Hooks: code that may change activations, gradients or saved weights, and that no trace and no copy carries along."""

from __future__ import annotations

from typing import Any

from torch import nn

from compress.base.errors import CodesignError
from compress.networks.wrappers import called

__all__ = ["check_no_hooks"]

KINDS = {
    "_forward_pre_hooks": "forward pre-hook",
    "_forward_hooks": "forward hook",
    "_backward_pre_hooks": "backward pre-hook",
    "_backward_hooks": "backward hook",
}
"""Where ``torch.nn.Module`` keeps them; also those that are called with keyword arguments."""
STATE_KINDS = {
    "_state_dict_pre_hooks": "state_dict pre-hook",
    "_state_dict_hooks": "state_dict hook",
    "_load_state_dict_pre_hooks": "load_state_dict pre-hook",
    "_load_state_dict_post_hooks": "load_state_dict post-hook",
}
GLOBAL_KINDS = {f"_global{attribute}": f"global {kind}" for attribute, kind in KINDS.items()}
PARAMETER_KINDS = {"_backward_hooks": "hook", "_post_accumulate_grad_hooks": "hook after its gradient"}
REMOVE = "remove it first: the handle that registering it returned has remove()"


def check_no_hooks(network: nn.Module) -> None:
    """Raise a CodesignError for the first hook on a module, a parameter, or on all modules."""
    for attribute, kind in GLOBAL_KINDS.items():
        if getattr(nn.modules.module, attribute, None):
            raise CodesignError(f"there is a {kind} on all modules", REMOVE)
    for name, module in network.named_modules():
        for attribute, kind in KINDS.items():
            if getattr(module, attribute, None):
                raise CodesignError(f"{called(name)} has a {kind}, which compression does not carry along", REMOVE)
        for attribute, kind in STATE_KINDS.items():
            if not all(_is_torchs(hook) for hook in getattr(module, attribute).values()):
                raise CodesignError(f"{called(name)} has a {kind}, which compression does not carry along", REMOVE)
    for name, parameter in network.named_parameters():
        for attribute, kind in PARAMETER_KINDS.items():
            if getattr(parameter, attribute, None):
                raise CodesignError(f"parameter {name!r} has a {kind}, which compression does not carry along", REMOVE)


def _is_torchs(hook: Any) -> bool:
    """Whether torch itself defines a hook: those that read old forms of a weight stay when the form is gone."""
    function = getattr(hook, "hook", hook)  # torch wraps some
    return str(getattr(getattr(function, "func", function), "__module__", "")).startswith("torch.")
