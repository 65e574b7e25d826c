"""SqueezeNet: fire modules, two convolutions side by side behind a narrow one (arXiv 1602.07360)."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

__all__ = ["squeezenet"]


class _Fire(nn.Module):
    """``squeeze`` channels by a 1x1 convolution, then ``expand`` by a 1x1 and as many by a 3x3 one."""

    def __init__(self, inputs: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        squeezed = self.relu(self.squeeze(maps))
        return torch.cat([self.relu(self.expand1x1(squeezed)), self.relu(self.expand3x3(squeezed))], 1)


def squeezenet(classes: int = 1000) -> nn.Module:
    """SqueezeNet v1.0 for 227x227 images, Caffe's sizes: 1.25 M weights."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 96, 7, stride=2),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(3, 2, ceil_mode=True),
            fire2=_Fire(96, 16, 64),
            fire3=_Fire(128, 16, 64),
            fire4=_Fire(128, 32, 128),
            pool4=nn.MaxPool2d(3, 2, ceil_mode=True),
            fire5=_Fire(256, 32, 128),
            fire6=_Fire(256, 48, 192),
            fire7=_Fire(384, 48, 192),
            fire8=_Fire(384, 64, 256),
            pool8=nn.MaxPool2d(3, 2, ceil_mode=True),
            fire9=_Fire(512, 64, 256),
            dropout9=nn.Dropout(),
            conv10=nn.Conv2d(512, classes, 1),
            relu10=nn.ReLU(),
            pool10=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
        )
    )
