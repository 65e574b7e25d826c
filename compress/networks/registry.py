"""The networks we ship, and how the user's own are built."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from compress.base.errors import CodesignError
from compress.networks.cifar_resnets import resnet8, resnet20, resnet32, resnet56
from compress.networks.cifar_vgg import vgg16_cifar
from compress.networks.imagenet import alexnet, resnet50, vgg16
from compress.networks.mobilenets import mobilenet_v2, mobilenet_v3_large, mobilenet_v3_small
from compress.networks.squeezenet import squeezenet
from compress.networks.user_networks import call_factory

__all__ = ["NETWORKS", "build_network", "digits_net", "lenet5", "lenet_300_100"]


def digits_net() -> nn.Module:
    """For 8x8 digits: 3x3 convolutions of 16 and 32 filters, Linear 512-32-10; 21.5 K weights, 321 K MACs."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 16, 3, padding=1),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(16, 32, 3, padding=1),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            dropout=nn.Dropout(0.25),
            fc1=nn.Linear(512, 32),
            relu3=nn.ReLU(),
            fc2=nn.Linear(32, 10),
        )
    )


def lenet5() -> nn.Module:
    """For 28x28 MNIST: LeNet-5 as the papers count it, 20-50-500-10, 430.5 K weights (003 Table 1).

    Each convolution is followed by a ReLU, which Caffe's LeNet lacks: activations are unsigned on the array.
    """
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 20, 5),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(20, 50, 5),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(800, 500),
            relu3=nn.ReLU(),
            fc2=nn.Linear(500, 10),
        )
    )


def lenet_300_100() -> nn.Module:
    """For 28x28 MNIST: LeNet-300-100, 266.2 K weights (002 Table 1)."""
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            fc1=nn.Linear(784, 300),
            relu1=nn.ReLU(),
            fc2=nn.Linear(300, 100),
            relu2=nn.ReLU(),
            fc3=nn.Linear(100, 10),
        )
    )


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "digits-net": digits_net,
    "lenet5": lenet5,
    "lenet-300-100": lenet_300_100,
    "alexnet": alexnet,
    "vgg16": vgg16,
    "vgg16-cifar": vgg16_cifar,
    "resnet50": resnet50,
    "resnet8": resnet8,
    "resnet20": resnet20,
    "resnet32": resnet32,
    "resnet56": resnet56,
    "squeezenet": squeezenet,
    "mobilenet-v2": mobilenet_v2,
    "mobilenet-v3-small": mobilenet_v3_small,
    "mobilenet-v3-large": mobilenet_v3_large,
}
"""Networks that a run file names without a module, each as a function without arguments."""


def build_network(name: str, seed: int, folder: Path | None = None) -> nn.Module:
    """A network with random weights drawn from ``seed``.

    Parameters
    ----------
    name : str
        A key of ``NETWORKS``, or ``"package.module:function"`` naming a function without arguments that returns
        a ``torch.nn.Module``.
    folder : Path, optional
        Where the function's module is, beside the Python path.

    Raises
    ------
    CodesignError
        The name is unknown, or what ``call_factory`` raises.
    """
    if name not in NETWORKS and not all(name.partition(":")):
        raise CodesignError(
            f"unknown network {name!r}", f"use one of {', '.join(NETWORKS)}, or your own as 'package.module:function'"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return NETWORKS[name]() if name in NETWORKS else call_factory(name, folder)
