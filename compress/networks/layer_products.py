"""What a layer reads on some images, as the two matrices that least squares need: X^T X and X^T Y."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from compress.base.errors import CodesignError
from compress.networks.layers import Prunable, prunable_layers

__all__ = ["LayerProducts", "columns_of", "layer_products", "running_order", "weight_of_columns"]

BATCH = 32


@dataclass(frozen=True, eq=False)
class LayerProducts:
    """Of a layer with G groups, each reading d values (input channels x taps) for each of its n outputs.

    X has a row of d for every output pixel of every image, Y what the layer should answer there, without its bias.

    Members
    -------
    gram : float64 (G, d, d)
        X^T X, over the number of rows.
    cross : float64 (G, d, n)
        X^T Y, over the number of rows.
    energy : float
        ||Y||_F^2, over the number of rows.
    """

    gram: Tensor
    cross: Tensor
    energy: float

    def relative_error(self, columns: Tensor) -> float:
        """||X W - Y||_F^2 over ||Y||_F^2, for W float64 (G, d, n)."""
        error = float((columns * (self.gram @ columns - 2 * self.cross)).sum()) + self.energy
        return max(0.0, error) / max(self.energy, 1e-30)


def columns_of(layer: Prunable, weight: Tensor) -> Tensor:
    """A weight in the layout of ``LayerProducts.cross``: (G, d, n), a column for each output."""
    groups = _groups(layer)
    return weight.reshape(groups, len(weight) // groups, -1).transpose(1, 2)


def weight_of_columns(columns: Tensor, shape: torch.Size) -> Tensor:
    """The inverse of ``columns_of``."""
    return columns.transpose(1, 2).reshape(shape)


@torch.no_grad()
def layer_products(network: nn.Module, reference: nn.Module, name: str, images: Tensor) -> LayerProducts:
    """X from what ``network`` hands to a layer, Y from what the same layer of ``reference`` answers to the same images.

    Both run in the mode they are in. A layer that runs several times adds the rows of each run.
    """
    layer, wanted = prunable_layers(network)[name], prunable_layers(reference)[name]
    device = next(network.parameters()).device
    gram = cross = torch.zeros((), dtype=torch.float64, device=device)
    rows, energy = 0, 0.0
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH].to(device)
        with _calls(layer) as calls, _calls(wanted) as answers:
            network(batch)
            reference(batch)
        for (read, _), (_, answered) in zip(calls, answers, strict=True):
            x, y = _rows(layer, read), _answers(wanted, answered)
            gram, cross = gram + (x.mT @ x).double(), cross + (x.mT @ y).double()
            rows += x.shape[1]
            energy += float(y.double().square().sum())
    return LayerProducts(gram / rows, cross / rows, energy / rows)


@torch.no_grad()
def running_order(network: nn.Module, image: Tensor) -> list[str]:
    """The names of the Conv2d and Linear layers that run on an image (1, C, H, W), by their first run."""
    order: dict[str, None] = {}
    layers = prunable_layers(network)
    handles = [
        layer.register_forward_pre_hook(lambda _module, _inputs, name=name: order.setdefault(name))
        for name, layer in layers.items()
    ]
    try:
        network(image.to(next(network.parameters()).device))
    finally:
        for handle in handles:
            handle.remove()
    if idle := [name for name in layers if name not in order]:
        raise CodesignError(f"layer {idle[0]!r} does not run on an image", "use it in forward(), or remove it")
    return list(order)


@contextmanager
def _calls(layer: nn.Module) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Input and output of each time the layer runs inside."""
    calls: list[tuple[Tensor, Tensor]] = []

    def keep(_module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        calls.append((inputs[0], output))

    handle = layer.register_forward_hook(keep)
    try:
        yield calls
    finally:
        handle.remove()


def _rows(layer: Prunable, read: Tensor) -> Tensor:
    """X of one run, (G, rows, d). The convolution itself, with an identity for a kernel, says what its taps read."""
    if isinstance(layer, nn.Linear):
        return read.reshape(1, -1, layer.in_features)
    values = layer.weight[0].numel()
    identity = torch.eye(values, device=read.device).reshape(values, *layer.weight.shape[1:])
    return _by_group(layer, layer._conv_forward(read, identity.repeat(layer.groups, 1, 1, 1), None))


def _answers(layer: Prunable, answered: Tensor) -> Tensor:
    """Y of one run, (G, rows, n)."""
    if isinstance(layer, nn.Linear):
        flat = answered.reshape(1, -1, layer.out_features)
        return flat if layer.bias is None else flat - layer.bias
    return _by_group(layer, answered if layer.bias is None else answered - layer.bias.reshape(-1, 1, 1))


def _by_group(layer: nn.Conv2d, maps_NCHW: Tensor) -> Tensor:
    """(N, G * m, H, W) as (G, N * H * W, m)."""
    count, channels = maps_NCHW.shape[:2]
    grouped = maps_NCHW.reshape(count, layer.groups, channels // layer.groups, -1)
    return grouped.permute(1, 0, 3, 2).reshape(layer.groups, -1, channels // layer.groups)


def _groups(layer: Prunable) -> int:
    return layer.groups if isinstance(layer, nn.Conv2d) else 1
