"""Networks with every kind of branch and operation, drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["BLOCKS", "random_network"]


class Residual(nn.Module):
    """A convolution of the same size beside its input; ``relu`` behind the sum or not."""

    def __init__(self, channels: int, *, relu: bool) -> None:
        super().__init__()
        self.conv, self.norm, self.relu = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), relu

    def forward(self, maps: Tensor) -> Tensor:
        total: Tensor = self.norm(self.conv(maps)) + maps
        return total.relu_() if self.relu else total


class Shortcut(nn.Module):
    """ResNet's option A: every second pixel, and channels of zeros."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 2 * channels, 3, 2, 1, bias=False)
        self.pad = channels // 2

    def forward(self, maps: Tensor) -> Tensor:
        padding = (0, 0, 0, 0, self.pad, self.conv.out_channels - self.conv.in_channels - self.pad)
        beside = functional.pad(maps[:, :, ::2, ::2], padding)
        return functional.relu(self.conv(maps) + beside)


class PreActivation(nn.Module):
    """A batch norm that no layer can take over."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(channels), nn.Conv2d(channels, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        result: Tensor = maps - self.conv(torch.relu(self.norm(maps)))
        return result


class Excitation(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, 2, 1), nn.Conv2d(2, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        gate = functional.adaptive_avg_pool2d(maps, 1)
        gate = functional.hardsigmoid(self.up(functional.relu(self.down(gate))))
        return maps * gate


class Fire(nn.Module):
    """Two convolutions side by side; the second without ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.narrow, self.wide = nn.Conv2d(channels, 3, 1), nn.Conv2d(channels, 3, 3, padding="same", dilation=2)

    def forward(self, maps: Tensor) -> Tensor:
        return torch.cat([functional.relu(self.narrow(maps)), self.wide(maps)], 1)


class Depthwise(nn.Module):
    """An inverted residual with a linear bottleneck."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 2 * channels, 1, bias=False),
            nn.BatchNorm2d(2 * channels),
            nn.Hardswish(),
            nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels, bias=False),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU6(inplace=True),
            nn.Conv2d(2 * channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, maps: Tensor) -> Tensor:
        result: Tensor = maps + self.layers(maps)
        return result


class Shuffle(nn.Module):
    """ShuffleNet's exchange between two groups, then half of the channels through a function."""

    def forward(self, maps: Tensor) -> Tensor:
        count, channels, rows, columns = maps.shape
        if channels % 2:
            return functional.silu(maps)
        shuffled = maps.view(count, 2, channels // 2, rows, columns).transpose(1, 2).reshape(maps.shape)
        first, second = shuffled.chunk(2, 1)
        return torch.cat([first, functional.gelu(second)], 1)


class Unequal(nn.Module):
    """An even kernel, which pads one side more than the other; and a constant for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, (2, 4), padding="same")
        self.register_buffer("shift", torch.linspace(-0.5, 0.5, channels)[:, None, None])

    def forward(self, maps: Tensor) -> Tensor:
        result: Tensor = (self.conv(maps) + self.get_buffer("shift")) / 1.5
        return result


Block = Callable[[int], nn.Module]

BLOCKS: dict[str, Block] = {
    "residual": lambda channels: Residual(channels, relu=True),
    "signed residual": lambda channels: Residual(channels, relu=False),
    "shortcut": Shortcut,
    "pre-activation": PreActivation,
    "excitation": Excitation,
    "fire": Fire,
    "depthwise": Depthwise,
    "shuffle": lambda channels: Shuffle(),
    "unequal": Unequal,
    "max pool": lambda channels: nn.MaxPool2d(3, 2, 1, ceil_mode=True),
    "average pool": lambda channels: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    "upsample": lambda channels: nn.Upsample(scale_factor=2),
    "leaky": lambda channels: nn.Sequential(nn.Conv2d(channels, channels, 1), nn.LeakyReLU(0.1)),
    "relu": lambda channels: nn.Sequential(nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU()),
    "pool, relu": lambda channels: nn.Sequential(nn.Conv2d(channels, 4, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()),
}


def random_network(names: list[str], seed: int, input_shape: tuple[int, int, int] = (2, 9, 8)) -> nn.Module:
    """The named blocks in order, then a linear layer; with weights and statistics as after a training."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        images = torch.rand(16, *input_shape)
        blocks: list[nn.Module] = [nn.Conv2d(input_shape[0], 4, 3, padding=1)]
        for name in names:
            channels = nn.Sequential(*blocks)(images).shape[1]
            blocks.append(BLOCKS[name](channels))
        features = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d((2, 2)), nn.Flatten())
        network = nn.Sequential(features, nn.Linear(features(images).shape[1], 5))
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.5, 0.5)
                module.momentum = None
                module.reset_running_stats()
        network(images)
        return network.eval()
