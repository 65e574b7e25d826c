"""Is a network plain? Decided here, before anything is traced, folded, trained, pruned or quantized.

A plain network computes what its modules say and nothing else: no hooks, no wrapper, no weights that are computed
or shared. Whatever else a network does would be lost on the way to integers, and the result silently wrong.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Iterator

from torch import nn

from compress.base.errors import CodesignError
from compress.networks.computed_weights import check_weights_are_parameters
from compress.networks.hooks import check_no_hooks
from compress.networks.tensors import check_initialized, check_tensors
from compress.networks.wrappers import check_no_wrappers

__all__ = ["check_plain"]


def check_plain(network: object, *, meta: bool = False) -> None:
    """Raise a CodesignError that names the module and the next step, unless the network is plain.

    Refused are: anything but a ``torch.nn.Module``; DataParallel, torch.compile, TorchScript, torch's own
    quantization, and replaced methods of torch's; weights that ``torch.nn.utils`` computes (prune, weight_norm,
    spectral_norm, parametrizations); hooks; modules that are not registered; parameters that are uninitialized, not
    float32, not finite, shared or expanded; a ``forward`` that needs more than the images.

    Parameters
    ----------
    meta : bool
        Allow a network on torch's meta device: its sizes can be read.
    """
    if not isinstance(network, nn.Module):
        kind = f"the class {network.__name__}" if isinstance(network, type) else f"of type {type(network).__name__}"
        raise CodesignError(f"the network is {kind}, not a torch.nn.Module", "give the module itself: Network()")
    check_no_wrappers(network)
    check_initialized(network)  # first of all: lazy modules have hooks of torch's own
    check_weights_are_parameters(network)
    check_no_hooks(network)
    _check_has_named_layers(network)
    _check_registered(network)
    check_tensors(network, meta)
    _check_arguments(network)


def _check_has_named_layers(network: nn.Module) -> None:
    if isinstance(network, nn.Conv2d | nn.Linear):
        kind = type(network).__name__
        raise CodesignError(f"the network is a single {kind}, which has no name", "put it into an nn.Sequential")


def _check_registered(network: nn.Module) -> None:
    """Modules in a plain list or dict have parameters that are neither trained nor saved."""
    registered = set(network.modules())
    for name, module in network.named_modules():
        for attribute, value in vars(module).items():
            if attribute.startswith("_") and attribute in vars(nn.Module()):
                continue
            if any(module not in registered for module in _modules_in(value, set())):
                raise CodesignError(
                    f"{_joined(name, attribute)!r} is a plain {type(value).__name__} of modules: "
                    "they are neither trained nor saved",
                    "use nn.ModuleList or nn.ModuleDict",
                )


def _modules_in(value: object, seen: set[int]) -> Iterator[nn.Module]:
    """The modules in a list, tuple, set or dict, however deep; ``seen`` are the containers looked into, by id."""
    if not isinstance(value, dict | list | tuple | set | frozenset | deque) or id(value) in seen:
        return
    seen.add(id(value))
    for part in value.values() if isinstance(value, dict) else value:
        if isinstance(part, nn.Module):
            yield part
        else:
            yield from _modules_in(part, seen)


def _check_arguments(network: nn.Module) -> None:
    """``forward`` is called with the images alone, and traced so."""
    arguments = list(inspect.signature(type(network).forward).parameters.values())[1:]
    positional = [argument for argument in arguments if argument.kind is not argument.KEYWORD_ONLY]
    if not any(argument.kind is not argument.VAR_KEYWORD for argument in positional):
        raise CodesignError("forward() takes no argument for the images", "define forward(self, images)")
    named = [argument for argument in arguments if argument.kind not in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD)]
    needed = [argument.name for argument in named if argument.default is argument.empty]
    images = positional[0].name
    if more := [name for name in needed if name != images]:
        raise CodesignError(
            f"forward() needs the argument {more[0]!r} beside {images!r}",
            f"give {more[0]!r} a default: the network is called with the images alone",
        )


def _joined(name: str, attribute: str) -> str:
    return f"{name}.{attribute}" if name else attribute
