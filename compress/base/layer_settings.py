"""Settings of layers by name patterns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TypeVar

from compress.base.errors import CodesignError

__all__ = ["by_layer"]

Setting = TypeVar("Setting")


def by_layer(layers: Iterable[str], settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """The setting of each layer that a key of ``settings`` names, in the layers' order.

    A key is a layer's name or a pattern with ``*``, ``?`` and ``[...]``. A name goes before patterns, and a later
    pattern before an earlier one.

    >>> by_layer(["conv1", "conv2", "fc1"], {"*": 0.1, "conv*": 0.3, "conv1": 0.8})
    {'conv1': 0.8, 'conv2': 0.3, 'fc1': 0.1}

    Raises
    ------
    CodesignError
        A key that names no layer.
    """
    names = list(layers)
    for key in settings:
        if not any(key == name or fnmatchcase(name, key) for name in names):
            raise CodesignError(f"the network has no prunable layer {key!r}", f"use: {', '.join(names)}")
    found = {}
    for name in names:
        keys = [key for key in settings if fnmatchcase(name, key)]
        if name in settings or keys:
            found[name] = settings[name if name in settings else keys[-1]]
    return found
