"""Train only what pruning left: a smaller network without the channels that no longer matter."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from compress.base.errors import CodesignError
from compress.model.ops.reshape import Reshape
from compress.networks.capture.capture import capture
from compress.networks.capture.captured import CapturedLayer, CapturedNetwork
from compress.networks.captured_chain import chain_of
from compress.networks.checks import check_plain
from compress.networks.layers import Prunable

__all__ = ["CompactNetwork", "compact", "compact_chain"]


@dataclass(frozen=True, eq=False)
class CompactNetwork:
    """A smaller network that computes what a pruned one computes, and the way back.

    Members
    -------
    network : nn.Module
        With fewer filters and neurons; layer names are the original's.
    channels : dict of int64 tensors
        For each layer the filters or neurons that are left, in rising order; none where it is the network itself.
    inputs : dict of int64 tensors
        For each layer the input channels or features that are left.
    """

    network: nn.Module
    channels: dict[str, Tensor]
    inputs: dict[str, Tensor]

    @torch.no_grad()
    def restore(self, network: nn.Module) -> None:
        """Write the small network's weights and biases into the original, in place, and zeros everywhere else."""
        for name, channels in self.channels.items():
            full, small = network.get_submodule(name), self.network.get_submodule(name)
            assert isinstance(full, Prunable)
            assert isinstance(small, Prunable)
            full.weight.zero_()
            full.weight[channels[:, None], self.inputs[name]] = small.weight.to(full.weight.device)
            if full.bias is not None and small.bias is not None:
                full.bias.zero_()
                full.bias[channels] = small.bias.to(full.bias.device)


def compact(network: nn.Module, input_shape: tuple[int, int, int]) -> CompactNetwork:
    """Leave out every filter and neuron without a nonzero weight, or whose output no nonzero weight reads.

    One without a nonzero weight outputs a constant, ReLU(bias), which is added to the biases of its readers; where
    they pad with zeros it is not constant at the border, and the filter stays unless it is zero. Outputs are equal up
    to rounding. At extreme sparsity most channels go, and training takes a fraction of the time.

    Raises
    ------
    CodesignError
        What ``capture`` and ``chain_of`` raise, or a ``forward`` that depends on the number of channels.
    """
    check_plain(network)
    small = copy.deepcopy(network)
    captured = capture(small, input_shape)
    layers = chain_of(captured)
    alive = [torch.ones(layer.geometry.weight_shape[0], dtype=torch.bool) for layer in layers]
    while _drop_dead(layers, alive):
        pass
    names = [layer.geometry.name for layer in layers]
    channels = {name: left.nonzero().squeeze(1) for name, left in zip(names, alive, strict=True)}
    inputs = {names[0]: torch.arange(layers[0].module.weight.shape[1])}
    for name, left, reader in zip(names[1:], alive, layers[1:], strict=False):
        inputs[name] = left.repeat_interleave(_spread(left, reader)).nonzero().squeeze(1)
    for name, layer in zip(names, layers, strict=True):
        parent, _, child = name.rpartition(".")
        setattr(small.get_submodule(parent), child, _sliced(layer.module, channels[name], inputs[name]))
    _check_same(captured, capture(small, input_shape))  # x.view(-1, 800) would mix samples now
    return CompactNetwork(small, channels, inputs)


def compact_chain(network: nn.Module, input_shape: tuple[int, int, int]) -> CompactNetwork:
    """``compact``, or the network itself where that raises: it is no chain of layers without groups.

    Where a network branches, several layers read a channel, and one that is added to others must keep its place.
    """
    check_plain(network)
    try:
        return compact(network, input_shape)
    except CodesignError:
        return CompactNetwork(network, {}, {})


def _check_same(whole: CapturedNetwork, small: CapturedNetwork) -> None:
    """Python control flow in ``forward`` may have taken another path."""
    if _operations(whole) != _operations(small):
        raise CodesignError(
            "forward() computes something else with fewer channels",
            "do not let forward() depend on the number of channels, or train the network as it is",
        )


def _operations(captured: CapturedNetwork) -> list[tuple[str, Mapping[str, Any]]]:
    """The calls but for sizes, which are also those of reshapes."""
    return [(call.target, {} if call.target in Reshape.TARGETS else call.arguments) for call in captured.calls]


@torch.no_grad()
def _drop_dead(layers: tuple[CapturedLayer, ...], alive: list[Tensor]) -> bool:
    """One round over all layers but the last; whether it found something. Constants move into the readers' biases."""
    found = False
    for layer, left, reader in zip(layers, alive, layers[1:], strict=False):
        weights = layer.module.weight.reshape(len(left), -1)
        read = _by_channel(reader, len(left)).ne(0).any(dim=2).any(dim=0)
        constant = torch.zeros(len(left)) if layer.module.bias is None else layer.module.bias.relu()
        movable = (_is_unpadded(reader) and reader.module.bias is not None) | (constant == 0)
        dead = left & (~read | (~weights.ne(0).any(dim=1) & movable))
        dead[int(left.nonzero()[0])] &= bool((left & ~dead).any())  # one stays: torch has no empty layers
        for channel in dead.nonzero().squeeze(1).tolist():
            found = True
            left[channel] = False
            if reader.module.bias is not None:
                reader.module.bias += constant[channel] * _by_channel(reader, len(left))[:, channel].sum(dim=1)
            _by_channel(reader, len(left))[:, channel] = 0
            weights[channel] = 0
    return found


def _is_unpadded(reader: CapturedLayer) -> bool:
    return reader.geometry.padding == (0, 0) and reader.geometry.padding_end in (None, (0, 0))


def _by_channel(reader: CapturedLayer, channels: int) -> Tensor:
    """A view (K, channels, weights) of a layer's weights by the channel before it that they read."""
    weight = reader.module.weight.detach()
    return weight.reshape(len(weight), channels, -1)


def _spread(left: Tensor, reader: CapturedLayer) -> int:
    """Inputs of ``reader`` that one channel before it becomes: several where a map is flattened."""
    return int(reader.module.weight.shape[1]) // len(left)


@torch.no_grad()
def _sliced(module: Prunable, channels: Tensor, inputs: Tensor) -> Prunable:
    small = copy.deepcopy(module)
    small.weight = nn.Parameter(module.weight[channels[:, None], inputs].clone())
    if module.bias is not None:
        small.bias = nn.Parameter(module.bias[channels].clone())
    if isinstance(small, nn.Conv2d):
        small.out_channels, small.in_channels = len(channels), len(inputs)
    else:
        small.out_features, small.in_features = len(channels), len(inputs)
    return small
