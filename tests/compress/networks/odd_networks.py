"""A plain network, changes that make it another, and networks that are not plain by themselves."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = [
    "Delegating",
    "Doubled",
    "HalfInput",
    "Halved",
    "InDict",
    "InList",
    "InListsOfDict",
    "KeywordOnly",
    "NoArgument",
    "Parallel",
    "Scaled",
    "Standardized",
    "Subclass",
    "WithMask",
    "changed",
    "compiled_in_place",
    "distributed",
    "expanded_weight",
    "in_inference_mode",
    "observe",
    "overlapping_weight",
    "plain",
    "plain_tensor",
    "quantized",
    "same_module",
    "same_norm",
    "same_running_mean",
    "same_weight",
    "transposed_weight",
    "with_value",
]


def plain() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(1, 4, 3),
                norm=nn.BatchNorm2d(4),
                relu=nn.ReLU(),
                flatten=nn.Flatten(),
                fc=nn.Linear(144, 144),
                again=nn.ReLU(),
                last=nn.Linear(144, 144),
            )
        )


def changed(change: Callable[[Any], object]) -> Callable[[], nn.Module]:
    """A plain network after a change in place."""

    def make() -> nn.Module:
        network = plain()
        change(network)
        return network

    return make


class Doubled(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


class Standardized(nn.Conv2d):
    """Weight standardization: the weight that convolves is computed in ``forward``."""

    def forward(self, images: Tensor) -> Tensor:
        weight = self.weight - self.weight.mean()
        result: Tensor = self._conv_forward(images, weight, self.bias)
        return result


class Scaled(nn.Conv2d):
    """The method that ``forward`` runs is found by code of the user's."""

    def __getattribute__(self, name: str) -> Any:
        if name == "_conv_forward":
            return lambda images, weight, bias: nn.functional.conv2d(images, 3 * weight, bias)
        return super().__getattribute__(name)


class Delegating(nn.Linear):
    """Parameters are found by code of the user's."""

    def __getattr__(self, name: str) -> Any:
        return super().__getattr__(name)


class Halved(nn.ReLU):
    def _call_impl(self, *args: Any, **kwargs: Any) -> Any:
        return super()._call_impl(*args, **kwargs) / 2  # type: ignore[no-untyped-call]


class HalfInput(nn.Linear):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(args[0] / 2, **kwargs)


class InList(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.layers = [nn.Linear(4, 4)]

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = self.layers[0](self.first(images))
        return result


class InDict(InList):
    def __init__(self) -> None:
        super().__init__()
        self.layers = {0: nn.Linear(4, 4)}  # type: ignore[assignment]


class InListsOfDict(InList):
    """Also in themselves, as a graph of blocks may be."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = {"blocks": [(nn.ReLU(), {nn.Linear(4, 4)})]}  # type: ignore[assignment]
        self.layers["all"] = self.layers  # type: ignore[call-overload]


class WithMask(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, images: Tensor, mask: Tensor) -> Tensor:
        result: Tensor = mask * self.fc(images)
        return result


class KeywordOnly(WithMask):
    def forward(self, images: Tensor, *, mask: Tensor) -> Tensor:  # type: ignore[override]
        result: Tensor = mask * self.fc(images)
        return result


class NoArgument(WithMask):
    def forward(self) -> Tensor:  # type: ignore[override]
        return self.fc.weight


class Parallel(nn.Module):
    """As torchvision's training script wraps AlexNet: only the convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.DataParallel(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()))
        self.fc = nn.Linear(144, 10)

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = self.fc(torch.flatten(self.features(images), 1))
        return result


class Subclass(Tensor):
    pass


def in_inference_mode() -> nn.Module:
    with torch.inference_mode():
        return plain()


def quantized() -> nn.Module:
    return nn.Sequential(OrderedDict(stub=torch.ao.quantization.FakeQuantize(), conv=nn.Conv2d(1, 4, 3)))


def distributed() -> nn.Module:
    """The wrapper as it is, but for the processes that it would need."""
    wrapper: nn.Module = nn.parallel.DistributedDataParallel.__new__(nn.parallel.DistributedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper.module = plain()
    return wrapper


def compiled_in_place(network: nn.Module) -> None:
    network.get_submodule("conv").compile()


def plain_tensor(network: Any) -> None:
    weight = network.fc.weight.detach()
    del network.fc.weight
    network.fc.weight = weight


def same_weight(network: Any) -> None:
    network.last.weight = network.fc.weight


def transposed_weight(network: Any) -> None:
    network.last.weight = nn.Parameter(network.fc.weight.detach().t())


def same_running_mean(network: Any) -> None:
    network.norm.running_var = network.norm.running_mean


def same_module(network: Any) -> None:
    network.last = network.fc


def same_norm(network: Any) -> None:
    network.again = network.norm


def expanded_weight(network: Any) -> None:
    network.fc.weight = nn.Parameter(torch.ones(144, 1).expand(144, 144))


def overlapping_weight(network: Any) -> None:
    network.fc.weight = nn.Parameter(torch.ones(144 + 143).as_strided((144, 144), (1, 1)))


def with_value(name: str, value: float) -> Callable[[], nn.Module]:
    def change(network: nn.Module) -> None:
        tensor = {**dict(network.named_parameters()), **dict(network.named_buffers())}[name]
        tensor.data.reshape(-1)[-1] = value

    return changed(change)


def observe(*_: object, **__: object) -> None:
    """A hook that changes nothing: what it does cannot be known before it runs."""
