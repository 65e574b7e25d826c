"""How long the values of a graph are read, so that a walk over it keeps no others."""

from __future__ import annotations

import math

from compress.model.compressed_model import INPUT, CompressedModel

__all__ = ["last_read", "live_elements"]


def last_read(model: CompressedModel) -> dict[str, tuple[str, ...]]:
    """For each node, the values that it is the last to read."""
    readers = {name: node.name for node in model.nodes for name in node.inputs}
    values: dict[str, tuple[str, ...]] = {node.name: () for node in model.nodes}
    for name, reader in readers.items():
        values[reader] += (name,)
    return values


def live_elements(model: CompressedModel) -> dict[str, int]:
    """Elements of one sample's values that exist while each node runs: read by it or later, and its own result."""
    sizes = {name: math.prod(each.shape) for name, each in model.activations.items()}
    live, found = {INPUT}, {}
    for name, done in last_read(model).items():
        live.add(name)
        found[name] = sum(sizes[each] for each in live)
        live -= set(done)
    return found
