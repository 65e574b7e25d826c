"""MobileNetV2, V3-Small and V3-Large for 32x32 images (001 compares pruning methods on them)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"]

# Expansion factor, output channels, blocks, stride of the first. The strides of the stem and of the first two
# stages that had one are 1, as is usual for 32x32 images: 4x4 pixels are left at the end.
V2_STAGES = ((1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))

# Kernel, expanded channels, output channels, squeeze and excitation, hard swish instead of ReLU, stride.
V3_LARGE = (
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 1),
    (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2),
    (5, 120, 40, True, False, 1),
    (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2),
    (3, 200, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1),
    (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2),
    (5, 960, 160, True, True, 1),
    (5, 960, 160, True, True, 1),
)
V3_SMALL = (
    (3, 16, 16, True, False, 1),
    (3, 72, 24, False, False, 2),
    (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2),
    (5, 240, 40, True, True, 1),
    (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1),
    (5, 144, 48, True, True, 1),
    (5, 288, 96, True, True, 2),
    (5, 576, 96, True, True, 1),
    (5, 576, 96, True, True, 1),
)
V3_EPS = 1e-3


def mobilenet_v2(classes: int = 10) -> nn.Module:
    """MobileNetV2 of width 1: 2.2 M weights with 10 classes."""
    blocks: list[nn.Module] = []
    channels = 32
    for factor, outputs, repeats, stride in V2_STAGES:
        for number in range(repeats):
            first_stride = stride if number == 0 else 1
            blocks.append(
                _Inverted(channels, factor * channels, outputs, 3, first_stride, nn.ReLU6, False, nn.BatchNorm2d)
            )
            channels = outputs
    return nn.Sequential(
        OrderedDict(
            stem=_convolution(3, 32, 3, 1, 1, nn.ReLU6, nn.BatchNorm2d),
            blocks=nn.Sequential(*blocks),
            head=_convolution(channels, 1280, 1, 1, 1, nn.ReLU6, nn.BatchNorm2d),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            dropout=nn.Dropout(0.2),
            classifier=nn.Linear(1280, classes),
        )
    )


def mobilenet_v3_small(classes: int = 10) -> nn.Module:
    """MobileNetV3-Small: 1.5 M weights with 10 classes."""
    return _mobilenet_v3(V3_SMALL, 1024, classes)


def mobilenet_v3_large(classes: int = 10) -> nn.Module:
    """MobileNetV3-Large: 4.2 M weights with 10 classes."""
    return _mobilenet_v3(V3_LARGE, 1280, classes)


def _mobilenet_v3(rows: tuple[tuple[int, int, int, bool, bool, int], ...], hidden: int, classes: int) -> nn.Module:
    blocks: list[nn.Module] = []
    channels = 16
    for kernel, expanded, outputs, squeeze, swish, stride in rows:
        activation = nn.Hardswish if swish else nn.ReLU
        blocks.append(_Inverted(channels, expanded, outputs, kernel, stride, activation, squeeze, _v3_norm))
        channels = outputs
    last = 6 * channels
    return nn.Sequential(
        OrderedDict(
            stem=_convolution(3, 16, 3, 1, 1, nn.Hardswish, _v3_norm),
            blocks=nn.Sequential(*blocks),
            head=_convolution(channels, last, 1, 1, 1, nn.Hardswish, _v3_norm),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            hidden=nn.Linear(last, hidden),
            swish=nn.Hardswish(),
            dropout=nn.Dropout(0.2),
            classifier=nn.Linear(hidden, classes),
        )
    )


def _v3_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=V3_EPS)


def _convolution(
    inputs: int,
    outputs: int,
    kernel: int,
    stride: int,
    groups: int,
    activation: Callable[[], nn.Module],
    norm: Callable[[int], nn.Module],
) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(OrderedDict(conv=conv, norm=norm(outputs), activation=activation()))


class _Inverted(nn.Module):
    """Expand with 1x1, filter each channel, squeeze and excite, project with 1x1; the input is added where it fits."""

    def __init__(
        self,
        inputs: int,
        expanded: int,
        outputs: int,
        kernel: int,
        stride: int,
        activation: Callable[[], nn.Module],
        squeeze: bool,
        norm: Callable[[int], nn.Module],
    ) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        if expanded != inputs:
            layers["expand"] = _convolution(inputs, expanded, 1, 1, 1, activation, norm)
        layers["depthwise"] = _convolution(expanded, expanded, kernel, stride, expanded, activation, norm)
        if squeeze:
            layers["squeeze"] = _SqueezeExcite(expanded)
        layers["project"] = _convolution(expanded, outputs, 1, 1, 1, nn.Identity, norm)
        self.layers = nn.Sequential(layers)
        self.adds_input = stride == 1 and inputs == outputs

    def forward(self, activations: Tensor) -> Tensor:
        outputs: Tensor = self.layers(activations)
        return activations + outputs if self.adds_input else outputs


class _SqueezeExcite(nn.Module):
    """Scale each channel by a function of all channels' means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        reduced = _divisible(channels / 4)
        self.reduce = nn.Conv2d(channels, reduced, 1)
        self.expand = nn.Conv2d(reduced, channels, 1)

    def forward(self, activations: Tensor) -> Tensor:
        means = functional.adaptive_avg_pool2d(activations, 1)
        return activations * functional.hardsigmoid(self.expand(functional.relu(self.reduce(means))))


def _divisible(channels: float) -> int:
    """The closest multiple of 8, at least 8 and not more than 10 % less."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded
