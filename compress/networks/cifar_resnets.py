"""Residual networks for 3x32x32: ResNet-20, -32 and -56 (He et al. on CIFAR-10), and ResNet-8 of MLPerf Tiny."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["resnet8", "resnet20", "resnet32", "resnet56"]

WIDTHS = (16, 32, 64)
KERAS_EPS = 1e-3


def resnet20(classes: int = 10) -> nn.Module:
    """269 K convolution weights, 40.6 M MACs."""
    return _resnet(3, classes)


def resnet32(classes: int = 10) -> nn.Module:
    """461 K convolution weights, 68.9 M MACs."""
    return _resnet(5, classes)


def resnet56(classes: int = 10) -> nn.Module:
    """849 K convolution weights, 125.5 M MACs."""
    return _resnet(9, classes)


def _resnet(blocks: int, classes: int) -> nn.Module:
    """6 * blocks + 2 layers; modules are named as in Idelbayev's ``pytorch_resnet_cifar10``: its checkpoints load."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(3, WIDTHS[0], 3, padding=1, bias=False), bn1=nn.BatchNorm2d(WIDTHS[0]), relu=nn.ReLU()
    )
    inputs = WIDTHS[0]
    for stage, width in enumerate(WIDTHS, start=1):
        members = [_Basic(inputs, width), *(_Basic(width, width) for _ in range(blocks - 1))]
        layers[f"layer{stage}"] = nn.Sequential(*members)
        inputs = width
    layers["pool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["linear"] = nn.Linear(inputs, classes)
    network = nn.Sequential(layers)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    return network


class _Basic(nn.Module):
    """Two 3x3 convolutions and a shortcut without weights (option A): every second pixel, new channels zero."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.stride = 1 if inputs == outputs else 2
        self.new_channels = outputs - inputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, self.stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, activations: Tensor) -> Tensor:
        outputs = functional.relu(self.bn1(self.conv1(activations)))
        outputs = self.bn2(self.conv2(outputs))
        return functional.relu(outputs + self._shortcut(activations))

    def _shortcut(self, activations: Tensor) -> Tensor:
        if not self.new_channels:
            return activations
        half = self.new_channels // 2
        picked = activations[:, :, :: self.stride, :: self.stride]
        return functional.pad(picked, (0, 0, 0, 0, half, self.new_channels - half))


def resnet8(classes: int = 10) -> nn.Module:
    """MLPerf Tiny's image classifier, 77 K convolution weights: three blocks, 1x1 convolutions in the later shortcuts.

    As in the Keras reference, convolutions have biases, and those of stride 2 pad after the last row and column only.
    """
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(3, WIDTHS[0], 3, padding=1),
            norm=nn.BatchNorm2d(WIDTHS[0], eps=KERAS_EPS),
            relu=nn.ReLU(),
            stack1=_Projected(WIDTHS[0], WIDTHS[0]),
            stack2=_Projected(WIDTHS[0], WIDTHS[1]),
            stack3=_Projected(WIDTHS[1], WIDTHS[2]),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            linear=nn.Linear(WIDTHS[2], classes),
        )
    )


class _Projected(nn.Module):
    """Two 3x3 convolutions; where the width changes they halve the map, and so does the shortcut's 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        first: list[nn.Module]
        if inputs == outputs:
            first, self.shortcut = [nn.Conv2d(inputs, outputs, 3, padding=1)], nn.Sequential()
        else:
            first = [nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(inputs, outputs, 3, stride=2)]
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=2))
        self.layers = nn.Sequential(
            *first,
            nn.BatchNorm2d(outputs, eps=KERAS_EPS),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs, eps=KERAS_EPS),
        )

    def forward(self, activations: Tensor) -> Tensor:
        return functional.relu(self.layers(activations) + self.shortcut(activations))
