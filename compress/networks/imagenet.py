"""The papers' ImageNet networks, with their weight and MAC counts per layer."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

__all__ = ["alexnet", "resnet50", "vgg16"]

VGG16_CHANNELS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
RESNET50_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # channels, blocks, stride
EXPANSION = 4


def alexnet(classes: int = 1000) -> nn.Module:
    """For 3x227x227: grouped AlexNet as in BVLC's and CaffeNet's models, 60.9 M weights (003 Table 7), 0.72 G MACs.

    The local response normalizations are left out: the array has none, and they have no weights. 003 Table 8 calls
    operations MACs; its 211 M of conv1 and all others are twice the multiply-accumulates.
    """
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 96, 11, stride=4),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(3, 2),
            conv2=nn.Conv2d(96, 256, 5, padding=2, groups=2),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(3, 2),
            conv3=nn.Conv2d(256, 384, 3, padding=1),
            relu3=nn.ReLU(),
            conv4=nn.Conv2d(384, 384, 3, padding=1, groups=2),
            relu4=nn.ReLU(),
            conv5=nn.Conv2d(384, 256, 3, padding=1, groups=2),
            relu5=nn.ReLU(),
            pool5=nn.MaxPool2d(3, 2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(9216, 4096),
            relu6=nn.ReLU(),
            dropout6=nn.Dropout(),
            fc2=nn.Linear(4096, 4096),
            relu7=nn.ReLU(),
            dropout7=nn.Dropout(),
            fc3=nn.Linear(4096, classes),
        )
    )


def vgg16(classes: int = 1000) -> nn.Module:
    """For 3x224x224: VGG-16, 138.3 M weights, 15.5 G MACs; layers conv1_1 .. conv5_3, fc6 .. fc8."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels = 3
    for stage, widths in enumerate(VGG16_CHANNELS, start=1):
        for number, width in enumerate(widths, start=1):
            layers[f"conv{stage}_{number}"] = nn.Conv2d(channels, width, 3, padding=1)
            layers[f"relu{stage}_{number}"] = nn.ReLU()
            channels = width
        layers[f"pool{stage}"] = nn.MaxPool2d(2)
    layers["flatten"] = nn.Flatten()
    for number, (inputs, outputs) in enumerate(((25088, 4096), (4096, 4096)), start=6):
        layers[f"fc{number}"] = nn.Linear(inputs, outputs)
        layers[f"relu{number}"] = nn.ReLU()
        layers[f"dropout{number}"] = nn.Dropout()
    layers["fc8"] = nn.Linear(4096, classes)
    return nn.Sequential(layers)


class _Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions around which the input goes; the stride is the 3x3's."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * EXPANSION
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, activations: Tensor) -> Tensor:
        outputs = self.relu(self.bn1(self.conv1(activations)))
        outputs = self.relu(self.bn2(self.conv2(outputs)))
        result: Tensor = self.relu(self.bn3(self.conv3(outputs)) + self.downsample(activations))
        return result


def resnet50(classes: int = 1000) -> nn.Module:
    """For 3x224x224: ResNet-50, 25.5 M weights of 25.6 M parameters (003 Table 4), 4.1 G MACs.

    Modules have torchvision's names, so its checkpoints load.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
        bn1=nn.BatchNorm2d(64),
        relu=nn.ReLU(),
        maxpool=nn.MaxPool2d(3, 2, padding=1),
    )
    inputs = 64
    for stage, (width, blocks, stride) in enumerate(RESNET50_STAGES, start=1):
        bottlenecks = []
        for block in range(blocks):
            bottlenecks.append(_Bottleneck(inputs, width, stride if block == 0 else 1))
            inputs = width * EXPANSION
        layers[f"layer{stage}"] = nn.Sequential(*bottlenecks)
    layers["avgpool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(inputs, classes)
    return nn.Sequential(layers)
