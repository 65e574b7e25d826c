"""A network as a chain of layers, each with the activation and pooling that follow it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from torch import fx, nn

from compress.base.errors import CodesignError
from compress.model.geometry import ConvGeometry
from compress.model.layer import LayerKind
from compress.model.pool import Pool, PoolKind
from compress.networks.modules import as_module, conv_padding, label, pair, pool_of
from compress.networks.reshapes import is_reshape, is_size, reshaped_sample
from compress.networks.tracing import trace

__all__ = [
    "ChainLayer",
    "LayerGeometry",
    "conv_geometry",
    "linear_geometry",
    "prunable_layers",
    "trace_chain",
]

Prunable = nn.Conv2d | nn.Linear
KINDS = "Conv2d, Linear, ReLU, MaxPool2d, AvgPool2d, Flatten, Dropout and Identity"
IGNORED_MODULES = (nn.modules.dropout._DropoutNd, nn.Identity)


@dataclass(frozen=True, kw_only=True)
class LayerGeometry(ConvGeometry):
    """Sizes of a Conv2d or Linear layer of a network, with the layer's name."""

    name: str
    kind: LayerKind


def conv_geometry(name: str, module: nn.Conv2d, input_shape: tuple[int, int, int]) -> LayerGeometry:
    """Sizes of a convolution that reads (C, H, W)."""
    rows, columns = pair(module.kernel_size)
    return LayerGeometry(
        (module.out_channels, module.in_channels // module.groups, rows, columns),
        input_shape,
        pair(module.stride),
        conv_padding(name, module),
        module.groups,
        name=name,
        kind=LayerKind.CONV2D,
    )


def linear_geometry(name: str, module: nn.Linear) -> LayerGeometry:
    """Sizes of a Linear layer."""
    features = module.in_features
    shape = (module.out_features, features, 1, 1)
    return LayerGeometry(shape, (features, 1, 1), name=name, kind=LayerKind.LINEAR)


@dataclass(frozen=True)
class ChainLayer:
    """One layer of the chain: its geometry, and what follows it up to the next layer."""

    geometry: LayerGeometry
    module: Prunable
    relu: bool
    pool: Pool | None

    @property
    def name(self) -> str:
        """The module's name in the network."""
        return self.geometry.name


def prunable_layers(network: nn.Module) -> dict[str, Prunable]:
    """The Conv2d and Linear modules of a network by name, in the network's order."""
    layers = {name: module for name, module in network.named_modules() if isinstance(module, Prunable)}
    if not layers:
        raise CodesignError("the network has no Conv2d or Linear layer", "there is nothing to compress; add one")
    return layers


def trace_chain(network: nn.Module, input_shape: tuple[int, int, int]) -> list[ChainLayer]:
    """Trace a network with torch.fx into its chain of layers.

    Parameters
    ----------
    input_shape : (C, H, W)
        Of one image.

    Raises
    ------
    CodesignError
        The graph cannot be traced or branches, a module is not supported, sizes do not fit, or a layer that is
        not the last has no ReLU: the array reads unsigned activations.
    """
    builder = _ChainBuilder(network, input_shape)
    for node in _straight_nodes(trace(network)):
        builder.add(node)
    return builder.finish()


def _straight_nodes(graph: fx.Graph) -> list[fx.Node]:
    """The images and the operations on them in order, after checking that each reads only the one before."""
    for attribute in graph.find_nodes(op="get_attr"):
        user = next(iter(attribute.users))
        raise CodesignError(
            f"{label(user)} computes with {str(attribute.target)!r} outside a layer", f"use only {KINDS}"
        )
    nodes = [node for node in graph.nodes if not is_size(node)]
    for node in nodes[:-1]:
        if not node.users:
            raise CodesignError(
                f"forward() does not use the result of {label(node)}",
                "use it, also where the operation works in place: x = x.relu()",
            )
    for before, node in pairwise(nodes):
        if _activations(node.all_input_nodes) != [before] or _activations(before.users) != [node]:
            raise CodesignError(
                f"{label(node)} does not read just the operation before it, {label(before)}: the network branches",
                "use a plain chain of layers; residual and branching networks are not supported yet",
            )
    if nodes[-1].args != (nodes[-2],):
        raise CodesignError("forward() returns more than a tensor", "return the last layer's output alone")
    return nodes[:-1]


def _activations(nodes: Iterable[fx.Node]) -> list[fx.Node]:
    return [node for node in nodes if not is_size(node)]


class _ChainBuilder:
    """Walks the operations, and closes a layer when the next begins."""

    def __init__(self, network: nn.Module, input_shape: tuple[int, int, int]) -> None:
        self._network = network
        self._shape = input_shape
        self._flat = False
        self._layers: list[ChainLayer] = []
        self._shapes: dict[fx.Node, tuple[int, ...]] = {}

    def add(self, node: fx.Node) -> None:
        if is_reshape(node):
            self._reshape(node, reshaped_sample(node, self._shapes))
        elif node.op != "placeholder":
            self._add_module(node)
        self._shapes[node] = self._shape[:1] if self._flat else self._shape

    def _add_module(self, node: fx.Node) -> None:
        module = self._network.get_submodule(str(node.target)) if node.op == "call_module" else as_module(node)
        if isinstance(module, Prunable):
            self._begin_layer(str(node.target), module)
        elif isinstance(module, nn.ReLU):
            self._change_last(node, relu=True)
        elif isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
            self._pool(node, module)
        elif isinstance(module, nn.Flatten):
            self._flatten(node, module)
        elif not isinstance(module, IGNORED_MODULES):
            kind = f" ({type(module).__name__})" if module is not None else ""
            fold = "fold it first with compress.networks.fold.fold_batch_norms"
            raise CodesignError(
                f"{label(node)}{kind} is not supported in a compressed network",
                fold if "BatchNorm" in kind else f"use only {KINDS}",
            )

    def finish(self) -> list[ChainLayer]:
        if not self._layers:
            raise CodesignError("the network has no Conv2d or Linear layer", "there is nothing to compress; add one")
        return self._layers

    def _begin_layer(self, name: str, module: Prunable) -> None:
        if self._layers and not self._layers[-1].relu:
            raise CodesignError(
                f"{self._layers[-1].name!r} has no ReLU before {name!r}: its activations would be negative",
                f"put a ReLU between {self._layers[-1].name!r} and {name!r}",
            )
        if any(layer.module is module for layer in self._layers):
            raise CodesignError(f"{name!r} runs twice", "give each place in the chain a layer of its own")
        geometry = self._linear(name, module) if isinstance(module, nn.Linear) else self._conv(name, module)
        self._shape = geometry.output_shape
        self._layers.append(ChainLayer(geometry, module, relu=False, pool=None))

    def _linear(self, name: str, module: nn.Linear) -> LayerGeometry:
        features = math.prod(self._shape)
        if not self._flat and self._shape[1:] != (1, 1):
            raise CodesignError(f"{name!r} reads a map {self._shape}", f"put nn.Flatten() before {name!r}")
        if module.in_features != features:
            raise CodesignError(
                f"{name!r} wants {module.in_features} features, its input has {features}",
                f"make it Linear({features}, {module.out_features}), or check the size of the images",
            )
        self._flat = True
        return linear_geometry(name, module)

    def _conv(self, name: str, module: nn.Conv2d) -> LayerGeometry:
        if self._flat or module.in_channels != self._shape[0]:
            wanted = f"(C, H, W) with C = {module.in_channels}"
            raise CodesignError(f"{name!r} wants {wanted}, its input is {self._shape}", "check the channels")
        if pair(module.dilation) != (1, 1) or module.padding_mode != "zeros":
            raise CodesignError(f"{name!r} uses dilation or a padding other than zeros", "use plain zero padding")
        geometry = conv_geometry(name, module, self._shape)
        if min(geometry.output_shape) < 1:
            rows, columns = pair(module.kernel_size)
            raise CodesignError(
                f"{name!r}: a {rows}x{columns} kernel does not fit its input {self._shape}",
                "use larger images or padding",
            )
        return geometry

    def _pool(self, node: fx.Node, module: nn.MaxPool2d | nn.AvgPool2d) -> None:
        last = self._last(node)
        pool = pool_of(node, module)
        if self._flat or last.pool is not None:
            raise CodesignError(
                f"{label(node)} is a second pooling, or pools a vector", "pool once after a convolution"
            )
        if pool.kind is PoolKind.AVERAGE and not last.relu:
            raise CodesignError(f"{label(node)} averages before the ReLU", f"put the ReLU before {label(node)}")
        size = pool.output_size(*self._shape[1:])
        if min(size) < 1:
            raise CodesignError(f"{label(node)} does not fit its input {self._shape}", "use a smaller pooling kernel")
        self._shape = (self._shape[0], *size)
        self._change_last(node, pool=pool)

    def _flatten(self, node: fx.Node, module: nn.Flatten) -> None:
        if module.start_dim != 1 or module.end_dim not in (-1, 3):
            raise CodesignError(f"{label(node)} does not flatten one sample's (C, H, W)", "use start_dim=1")
        self._shape, self._flat = (math.prod(self._shape), 1, 1), True

    def _reshape(self, node: fx.Node, sample: tuple[int, ...]) -> None:
        if len(sample) == 1:
            self._shape, self._flat = (sample[0], 1, 1), True
        elif sample != self._shapes[node.all_input_nodes[0]]:
            raise CodesignError(
                f"{node.name!r} does not flatten one sample's (C, H, W): it makes {sample} of {self._shape}",
                "flatten with torch.flatten(x, 1)",
            )

    def _last(self, node: fx.Node) -> ChainLayer:
        if not self._layers:
            raise CodesignError(f"{label(node)} comes before the first layer", "begin with a Conv2d or Linear layer")
        return self._layers[-1]

    def _change_last(self, node: fx.Node, *, relu: bool = False, pool: Pool | None = None) -> None:
        last = self._last(node)
        self._layers[-1] = ChainLayer(last.geometry, last.module, last.relu or relu, pool or last.pool)
