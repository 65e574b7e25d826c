"""A small task and the loops that users write for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.methods.target import Target


class UsersOwn(torch.optim.Optimizer):
    """Steps against the gradient's sign."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float = 0.002) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter -= group["lr"] * parameter.grad.sign()
        return loss


Make = Callable[..., torch.optim.Optimizer]
Batch = tuple[Tensor, Tensor]

TENTH = Target(ratio=10)
"""Of every layer."""

OPTIMIZERS: dict[str, Make] = {
    "SGD": partial(torch.optim.SGD, lr=0.05),
    "SGD, momentum and decay": partial(torch.optim.SGD, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": partial(torch.optim.Adam, lr=0.01),
    "Adam, amsgrad and decay": partial(torch.optim.Adam, lr=0.01, amsgrad=True, weight_decay=0.01),
    "fused Adam": partial(torch.optim.Adam, lr=0.01, fused=True),
    "AdamW": partial(torch.optim.AdamW, lr=0.01, weight_decay=0.05),
    "Adagrad": partial(torch.optim.Adagrad, lr=0.02),
    "Adadelta": torch.optim.Adadelta,
    "Adamax": partial(torch.optim.Adamax, lr=0.01),
    "Adafactor": partial(torch.optim.Adafactor, lr=0.01),
    "ASGD": partial(torch.optim.ASGD, lr=0.05),
    "NAdam": partial(torch.optim.NAdam, lr=0.01),
    "RAdam": partial(torch.optim.RAdam, lr=0.01),
    "RMSprop": partial(torch.optim.RMSprop, lr=0.002, momentum=0.5),
    "Rprop": partial(torch.optim.Rprop, lr=0.002),
    "a user's own": UsersOwn,
}


class Residual(nn.Module):
    """Two convolutions beside an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        inner = functional.relu(self.norm(self.conv1(images)))
        return functional.relu(images + self.conv2(inner))


def branching_network(seed: int = 0) -> nn.Module:
    """Digits to ten classes, with a shortcut."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = [nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), Residual(4), nn.Flatten(), nn.Linear(36, 10)]
        return nn.Sequential(*layers)


def batches(count: int = 3, size: int = 16, seed: int = 0) -> Iterator[Batch]:
    """Images (N, 1, 8, 8) and labels that can be learnt from them."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        labels = torch.randint(0, 10, (size,), generator=generator)
        images = torch.rand(size, 1, 8, 8, generator=generator) / 4
        images[torch.arange(size), 0, labels % 8, labels // 2] += 1
        yield images, labels


def train_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, data: Iterable[Batch]) -> None:
    """The plainest loop there is."""
    model.train()
    for images, labels in data:
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimizer.step()


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
