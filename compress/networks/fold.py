"""Fold batch normalization into the layer before it: the integer model knows only weights and biases."""

from __future__ import annotations

import copy

import torch
from torch import fx, nn

from compress.base.errors import CodesignError
from compress.networks.checks import check_plain
from compress.networks.tracing import trace

__all__ = ["fold_batch_norms"]

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d
Foldable = nn.Conv2d | nn.Linear


def fold_batch_norms(network: nn.Module) -> nn.Module:
    """A copy in evaluation mode, in which every batch normalization behind a Conv2d or Linear is part of it.

    In evaluation mode y = (x - mean) / sqrt(variance + eps) * gamma + beta is linear in each channel, so
    W' = W s and b' = (b - mean) s + beta with s = gamma / sqrt(variance + eps). Zero weights stay zero: fold after
    pruning and before quantization, since the folded weights are the ones that get levels. The normalization becomes
    an Identity; layer names stay.

    Raises
    ------
    CodesignError
        The network is not plain (``check_plain``) or cannot be traced; or a normalization follows something else or a
        layer with other readers, or has no valid running statistics.
    """
    check_plain(network)
    folded = copy.deepcopy(network).eval()
    modules = dict(folded.named_modules())
    for node in trace(folded).nodes:
        if node.op == "call_module" and isinstance(modules[str(node.target)], BatchNorm):
            _fold(folded, modules, node)
    return folded


def _fold(network: nn.Module, modules: dict[str, nn.Module], node: fx.Node) -> None:
    name, (before, *_) = str(node.target), node.all_input_nodes
    layer = modules.get(str(before.target)) if before.op == "call_module" else None
    if not isinstance(layer, Foldable) or len(before.users) != 1 or _calls(node, before.target) != 1:
        raise CodesignError(
            f"{name!r} does not follow a Conv2d or Linear of its own",
            "put it directly after one whose output nothing else reads",
        )
    norm = modules[name]
    assert isinstance(norm, BatchNorm)
    if norm.running_mean is None or norm.running_var is None:
        raise CodesignError(f"{name!r} keeps no running statistics", "use track_running_stats=True")
    if norm.num_features != len(layer.weight):
        raise CodesignError(
            f"{name!r} normalizes {norm.num_features} channels, {str(before.target)!r} has {len(layer.weight)}",
            f"give {name!r} the layer's number of channels",
        )
    if bool((norm.running_var + norm.eps <= 0).any()):
        raise CodesignError(f"{name!r} has a negative running variance", "train the network again, or correct it")
    _scale(layer, norm, norm.running_mean, norm.running_var)
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, nn.Identity())


def _calls(node: fx.Node, target: object) -> int:
    return sum(other.op == "call_module" and other.target == target for other in node.graph.nodes)


@torch.no_grad()
def _scale(layer: Foldable, norm: BatchNorm, mean: torch.Tensor, variance: torch.Tensor) -> None:
    scale = torch.rsqrt(variance + norm.eps)
    if norm.affine:
        scale = scale * norm.weight
    bias = (0 if layer.bias is None else layer.bias) - mean
    shift = norm.bias if norm.affine else torch.zeros_like(mean)
    layer.weight.copy_(layer.weight * scale.reshape(-1, *[1] * (layer.weight.ndim - 1)))
    layer.bias = nn.Parameter(bias * scale + shift)
