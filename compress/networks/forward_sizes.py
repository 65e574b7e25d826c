"""Sizes of every layer of any network, branches included, read off one forward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from compress.base.errors import CodesignError
from compress.networks.chain import LayerGeometry, Prunable, conv_geometry, linear_geometry, prunable_layers

__all__ = ["measured_geometries"]


def measured_geometries(network: nn.Module, input_shape: tuple[int, int, int]) -> list[LayerGeometry]:
    """Geometry of each Conv2d and Linear in running order, for counting weights and MACs.

    Unlike ``layer_geometries`` it asks nothing of the graph between the layers. On torch's meta device it costs
    no memory: ``with torch.device("meta"): network = resnet50()``.

    Raises
    ------
    CodesignError
        A layer runs twice, or the network cannot run on a (1, C, H, W) image.
    """
    found: list[LayerGeometry] = []
    hooks = []
    for name, layer in prunable_layers(network).items():

        def measure(module: nn.Module, inputs: tuple[Any, ...], _: Tensor, name: str = name) -> None:
            if any(geometry.name == name for geometry in found):
                raise CodesignError(f"{name!r} runs twice", "give each place in the network a layer of its own")
            found.append(_geometry(name, module, inputs[0].shape))

        hooks.append(layer.register_forward_hook(measure))
    training = network.training
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, *input_shape, device=next(network.parameters()).device))
    except RuntimeError as error:
        raise CodesignError(
            f"the network cannot run on {input_shape}: {error}", "check the size of the images"
        ) from error
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return found


def _geometry(name: str, module: nn.Module, input_shape: torch.Size) -> LayerGeometry:
    assert isinstance(module, Prunable)
    if isinstance(module, nn.Linear):
        return linear_geometry(name, module)
    _, channels, height, width = input_shape
    return conv_geometry(name, module, (channels, height, width))
