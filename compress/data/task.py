"""What a network is for: the loss it learns by, and the figure that says how good it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from compress.base.errors import CodesignError

__all__ = ["ACCURACY", "CLASSIFICATION", "Evaluate", "Metric", "Step", "Task", "classification"]

Step = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""Of a network, images and targets: the mean loss of the batch, one number to differentiate."""

Evaluate = Callable[[Tensor, Tensor], float | Tensor]
"""Of all outputs and all targets of a split, on the CPU: one number."""

VALIDATION = "validation accuracy"


def _cross_entropy(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(network(images), labels)


def _accuracy(outputs: Tensor, labels: Tensor) -> float:
    return int((outputs.argmax(dim=1) == labels).sum()) / len(labels)


@dataclass(frozen=True)
class Metric:
    """What a figure is called, in which unit, and whether the higher one is better.

    The unit "%" is of a fraction, which people are told in percent.
    """

    name: str = "accuracy"
    unit: str = "%"
    higher_is_better: bool = True

    def score(self, figure: float) -> float:
        """The figure, negative where lower is better: of two scores the higher is better. Its own inverse."""
        return figure if self.higher_is_better else -figure

    def told(self, figure: float) -> str:
        """The figure for people.

        >>> Metric().told(0.9173), Metric("RMSE", "m", higher_is_better=False).told(0.25)
        ('91.73%', '0.25 m')
        """
        return f"{figure:.2%}" if self.unit == "%" else f"{figure:.5g} {self.unit}".rstrip()


ACCURACY = Metric()
"""The fraction of images whose largest output is their label's."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A loss, and the figure that is kept when a network is compressed.

    Members
    -------
    name : str
        For messages.
    step : callable
        The mean loss of a batch, of network, images and targets.
    evaluate : callable, optional
        The figure, of the outputs and targets of a whole split; by default it is the mean loss.
    metric : Metric
        What the figure is.
    classes : bool
        Targets are class labels, int64 (N,), each with an output of its own, and the figure is the accuracy.
    """

    name: str
    step: Step
    evaluate: Evaluate | None = None
    metric: Metric = Metric("loss", "", higher_is_better=False)
    classes: bool = False

    @property
    def is_usual(self) -> bool:
        """Cross-entropy and accuracy, which are sums over images."""
        return self.classes and self.step is _cross_entropy

    def named(self, figures: Mapping[str, float]) -> dict[str, float]:
        """Figures to watch, in which "validation accuracy" has the name of the task's figure."""
        return {name if name != VALIDATION else f"validation {self.metric.name}": figures[name] for name in figures}

    def mean_loss(self, network: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
        """The batch's loss; a CodesignError unless it is one number."""
        loss = self.step(network, images, targets)
        if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.is_floating_point():
            given = f"a tensor {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
            raise CodesignError(
                f"the loss of {self.name} is {given}, not one number", "return the batch's mean loss as a torch tensor"
            )
        return loss.reshape(())

    def total_loss(self, network: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
        """The loss times the number of images."""
        if self.is_usual:
            return functional.cross_entropy(network(images), targets, reduction="sum")
        return self.mean_loss(network, images, targets) * len(images)

    def measure(self, outputs: Tensor, targets: Tensor) -> float:
        """The figure of a whole split; a CodesignError unless it is one finite number."""
        assert self.evaluate is not None
        found = self.evaluate(outputs, targets)
        try:
            figure = float(found)
        except (TypeError, ValueError, RuntimeError) as error:
            raise CodesignError(
                f"the {self.metric.name} of {self.name} is a {type(found).__name__}, not one number",
                "return a float, or a tensor of one",
            ) from error
        if not math.isfinite(figure):
            raise CodesignError(
                f"the {self.metric.name} of {self.name} is {figure}", "correct the function or the data"
            )
        return figure


def classification(name: str, step: Step) -> Task:
    """Classification, judged by its accuracy, that learns by a loss of its own."""
    return Task(name=name, step=step, evaluate=_accuracy, metric=ACCURACY, classes=True)


CLASSIFICATION = classification("classification", _cross_entropy)
"""Cross-entropy and accuracy."""
