"""VGG-16 for CIFAR-10: the pruning literature's convolutions with batch norms and a single Linear layer."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from compress.networks.imagenet import VGG16_CHANNELS

__all__ = ["vgg16_cifar"]


def vgg16_cifar(classes: int = 10) -> nn.Module:
    """For 3x32x32: VGG-16's 13 convolutions, each with a batch norm, and Linear 512-10; 14.7 M weights, 313 M MACs.

    Layers are conv1_1 .. conv5_3 without bias, bn1_1 .. bn5_3, and fc.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels = 3
    for stage, widths in enumerate(VGG16_CHANNELS, start=1):
        for number, width in enumerate(widths, start=1):
            layers[f"conv{stage}_{number}"] = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            layers[f"bn{stage}_{number}"] = nn.BatchNorm2d(width)
            layers[f"relu{stage}_{number}"] = nn.ReLU()
            channels = width
        layers[f"pool{stage}"] = nn.MaxPool2d(2)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(channels, classes)
    return nn.Sequential(layers)
