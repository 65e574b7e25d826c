"""Networks of the user's own, ``module:function``: built, checked and copied."""

from __future__ import annotations

import copy
from pathlib import Path

from torch import nn

from compress.base.errors import CodesignError
from compress.base.user_functions import UserFunction, searched_first
from compress.networks.checks import check_plain

__all__ = ["call_factory"]

RETURN = "end it with `return network`, the network being a torch.nn.Module"


def call_factory(name: str, folder: Path | None) -> nn.Module:
    """The network that the function ``module:function`` returns, copied, so that each call gives one of its own.

    Parameters
    ----------
    folder : Path, optional
        As in ``UserFunction``.

    Raises
    ------
    CodesignError
        The function is not found or fails (``UserFunction``), or returns anything but a plain network
        (``check_plain``).
    """
    factory = UserFunction("network", name, folder)
    with searched_first(folder):
        network = _called(factory)
        check_plain(network)
        try:
            return copy.deepcopy(network)
        except Exception as error:  # of an attribute that cannot be copied
            raise CodesignError(
                f"network {name!r} cannot be copied: {error}", "keep locks, files and generators out of its modules"
            ) from error


def _called(factory: UserFunction) -> nn.Module:
    if isinstance(factory.found(), nn.Module):
        raise CodesignError(
            f"network {factory.name!r} is not a function, but a network", "name a function that returns it"
        )
    made = factory.called()
    if isinstance(made, type):
        raise CodesignError(
            f"{factory.name} returned the class {made.__name__}, not a network", f"return {made.__name__}()"
        )
    if not isinstance(made, nn.Module):
        kind = "nothing" if made is None else type(made).__name__
        raise CodesignError(f"{factory.name} returned {kind}, not a torch.nn.Module", RETURN)
    return made
