"""Convolutions and linear layers among the calls: their module, and their sizes as they are called."""

from __future__ import annotations

from typing import Any

from torch import nn

from compress.base.errors import CodesignError
from compress.model.layer import LayerKind
from compress.model.ops.op import Call
from compress.networks.capture.captured import CapturedLayer
from compress.networks.layers import LayerGeometry

__all__ = ["LAYER_TARGETS", "captured_layer"]

LAYER_TARGETS = frozenset({"aten.conv2d.default", "aten.conv2d.padding", "aten.linear.default"})
"""What Conv2d and Linear call."""

Pair = tuple[int, int]


def captured_layer(network: nn.Module, call: Call, weight: str | None, bias: str | None) -> CapturedLayer:
    """The layer of a call whose weight and bias have these names in the network.

    CodesignError where the weight is not a Conv2d's or Linear's own, or the layer does not read a map or a vector.
    """
    name = (weight or "").rpartition(".")[0]
    module = network.get_submodule(name) if name else None
    if not isinstance(module, nn.Conv2d | nn.Linear) or weight != f"{name}.weight":
        raise call.refuse("computes with a weight outside a Conv2d or Linear", "put the weight into a layer of its own")
    if bias not in (None, f"{name}.bias") or (bias is None) != (module.bias is None):
        raise call.refuse(f"does not use the bias of {name!r}", "let the layer add its own bias")
    return CapturedLayer(_linear(name, call) if isinstance(module, nn.Linear) else _conv(name, call, module), module)


def _linear(name: str, call: Call) -> LayerGeometry:
    (given,) = call.input_shapes
    if len(given) != 1:
        raise CodesignError(f"{name!r} reads {given}, not a vector", f"put nn.Flatten() before {name!r}")
    shape = (call.shape[0], given[0], 1, 1)
    return LayerGeometry(shape, (given[0], 1, 1), name=name, kind=LayerKind.LINEAR)


def _conv(name: str, call: Call, module: nn.Conv2d) -> LayerGeometry:
    (given,) = call.input_shapes
    channels, height, width = given
    arguments = call.arguments
    rows, columns = module.weight.shape[2:]
    kernel, dilation, groups = (rows, columns), _pair(arguments["dilation"]), int(arguments["groups"])
    before, after = _padding(arguments["padding"], kernel, dilation)
    return LayerGeometry(
        (module.out_channels, channels // groups, rows, columns),
        (channels, height, width),
        _pair(arguments["stride"]),
        before,
        groups,
        dilation,
        None if after == before else after,
        name=name,
        kind=LayerKind.CONV2D,
    )


def _padding(padding: Any, kernel: Pair, dilation: Pair) -> tuple[Pair, Pair]:
    """Rows and columns before and after the map; torch puts the odd one of "same" after it."""
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding != "same":
        return _pair(padding), _pair(padding)
    (rows, columns) = (step * (size - 1) for step, size in zip(dilation, kernel, strict=True))
    before = (rows // 2, columns // 2)
    return before, (rows - before[0], columns - before[1])


def _pair(size: tuple[int, ...]) -> Pair:
    return (size[0], size[-1])
