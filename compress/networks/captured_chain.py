"""A captured network as a chain of layers: each reads what is left of the one before by ReLU, pooling and flatten."""

from __future__ import annotations

import math

from compress.base.errors import CodesignError
from compress.model.compressed_model import INPUT
from compress.model.ops.op import Call
from compress.model.ops.reshape import Reshape
from compress.networks.capture.captured import LAYER, CapturedLayer, CapturedNetwork
from compress.networks.capture.plain_calls import PLAIN_RELUS, plain_pool

__all__ = ["chain_of"]

KINDS = "Conv2d, Linear, ReLU, flatten, and max and average pooling without padding"


def chain_of(captured: CapturedNetwork) -> tuple[CapturedLayer, ...]:
    """The layers in running order, each of which reads ReLUs of the one before.

    A channel that is constant before ReLU, pooling and flatten is constant behind them, and no channel mixes with
    another on the way to the next layer.

    Raises
    ------
    CodesignError
        The network branches, has a grouped convolution, an operation besides ``KINDS``, or no ReLU between two layers.
    """
    layers: list[CapturedLayer] = []
    before, rectified = INPUT, True
    for call in captured.calls:
        _check_reads(call, before)
        if call.target == LAYER:
            _check_layer(captured.layers[call.name], layers, rectified)
            layers.append(captured.layers[call.name])
            rectified = False
        elif call.target in PLAIN_RELUS:
            rectified = True
        elif plain_pool(call) is None and not _is_flatten(call):
            raise _not_chained(captured, call)
        before = call.name
    return tuple(layers)


def _check_reads(call: Call, before: str) -> None:
    if call.inputs != (before,):
        source = "the images" if before == INPUT else f"{before!r} before it"
        raise CodesignError(
            f"{call.name!r} does not read just {source}: the network branches",
            "use a plain chain of layers",
        )


def _check_layer(layer: CapturedLayer, layers: list[CapturedLayer], rectified: bool) -> None:
    name = layer.geometry.name
    if layer.geometry.groups > 1:
        raise CodesignError(f"{name!r} is a grouped convolution", "train the network as it is")
    if not rectified:
        last = layers[-1].geometry.name
        raise CodesignError(f"{last!r} has no ReLU before {name!r}", f"put a ReLU between {last!r} and {name!r}")


def _is_flatten(call: Call) -> bool:
    """Whether the call gives one sample as a vector, or in the shape that it has."""
    if call.target not in Reshape.TARGETS:
        return False
    (shape,) = call.input_shapes
    return call.shape in (shape, (math.prod(shape),))


def _not_chained(captured: CapturedNetwork, call: Call) -> CodesignError:
    if call.name in captured.norms:
        step = "fold it first with compress.networks.fold.fold_batch_norms"
        return CodesignError(f"{call.name!r} (batch normalization) does not fit into a chain of layers", step)
    return call.refuse("does not fit into a chain of layers", f"use only {KINDS}")
