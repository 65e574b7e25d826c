"""Fold batch normalization into the layer before it: the integer model knows only weights and biases."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from compress.networks.capture.capture import capture
from compress.networks.capture.captured import CapturedNetwork
from compress.networks.checks import check_plain

__all__ = ["fold_batch_norms"]

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.SyncBatchNorm
Foldable = nn.Conv2d | nn.Linear


def fold_batch_norms(network: nn.Module, input_shape: tuple[int, ...]) -> nn.Module:
    """A copy in evaluation mode, in which every batch normalization behind a Conv2d or Linear is part of it.

    In evaluation mode y = (x - mean) / sqrt(variance + eps) * gamma + beta is linear in each channel, so
    W' = W s and b' = (b - mean) s + beta with s = gamma / sqrt(variance + eps). Zero weights stay zero: fold after
    pruning and before quantization, since the folded weights are the ones that get levels. The normalization becomes
    an Identity; layer names stay. One that follows something else, or a layer with other readers, stays too: it becomes
    an operation of the integer graph.

    Raises
    ------
    CodesignError
        What ``capture`` raises.
    """
    check_plain(network)
    folded = copy.deepcopy(network).eval()
    captured = capture(folded, input_shape)
    for call, name in captured.norms.items():
        if (layer := _layer_before(captured, call)) is not None:
            _fold(folded, layer, name)
    return folded


def _layer_before(captured: CapturedNetwork, norm: str) -> str | None:
    """The layer that only the normalization reads, or None."""
    (before,) = next(call.inputs for call in captured.calls if call.name == norm)
    alone = len(captured.readers(before)) == 1 and before != captured.answer
    return before if before in captured.layers and alone else None


@torch.no_grad()
def _fold(network: nn.Module, layer_name: str, norm_name: str) -> None:
    layer, norm = network.get_submodule(layer_name), network.get_submodule(norm_name)
    assert isinstance(layer, Foldable)
    assert isinstance(norm, BatchNorm)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    layer.weight, layer.bias = fuse_conv_bn_weights(  # of a Linear too: filters are the first axis of both
        layer.weight, layer.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    parent, _, child = norm_name.rpartition(".")
    setattr(network.get_submodule(parent), child, nn.Identity())
