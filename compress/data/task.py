"""What a network is for: the loss it learns by, and the figure that says how good it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from compress.base.errors import CodesignError

__all__ = ["CLASSIFICATION", "Metric", "Step", "Task"]

Step = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""Of a network, images and targets: the mean loss of the batch, one number to differentiate."""

Metric = Callable[[Tensor, Tensor], float | Tensor]
"""Of all outputs and all targets of a split, on the CPU: one number."""


def _cross_entropy(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(network(images), labels)


def _accuracy(outputs: Tensor, labels: Tensor) -> float:
    return int((outputs.argmax(dim=1) == labels).sum()) / len(labels)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A loss, and the figure that is kept when a network is compressed.

    Members
    -------
    name : str
        For messages.
    step : callable
        The mean loss of a batch, of network, images and targets.
    metric : callable, optional
        The figure, of the outputs and targets of a whole split; by default the mean loss.
    metric_name, unit : str
        What reports call the figure. Without a unit it is a fraction, told in percent if it is an accuracy.
    higher_is_better : bool
    classes : bool
        Targets are class labels, int64 (N,), each with an output of its own.
    """

    name: str
    step: Step
    metric: Metric | None = None
    metric_name: str = "loss"
    unit: str = ""
    higher_is_better: bool = False
    classes: bool = False

    def score(self, figure: float) -> float:
        """The figure, negative where lower is better: of two scores the higher is better."""
        return figure if self.higher_is_better else -figure

    def figure(self, score: float) -> float:
        """The inverse of ``score``."""
        return self.score(score)

    def told(self, figure: float) -> str:
        """The figure for people.

        >>> CLASSIFICATION.told(0.9173)
        '91.73%'
        """
        return f"{figure:.2%}" if self.classes else f"{figure:.5g}{self.unit and ' '}{self.unit}"

    def mean_loss(self, network: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
        """The batch's loss; a CodesignError unless it is one number."""
        loss = self.step(network, images, targets)
        if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.is_floating_point():
            given = f"a tensor {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
            raise CodesignError(
                f"the loss of {self.name} is {given}, not one number", "return the batch's mean loss as a torch tensor"
            )
        return loss.reshape(())

    def measure(self, outputs: Tensor, targets: Tensor) -> float:
        """The metric of a whole split; a CodesignError unless it is one finite number."""
        assert self.metric is not None
        try:
            figure = float(self.metric(outputs, targets))
        except (TypeError, ValueError, RuntimeError) as error:
            raise CodesignError(
                f"the {self.metric_name} of {self.name} is not one number: {error}", "return a float from the metric"
            ) from error
        if not math.isfinite(figure):
            raise CodesignError(f"the {self.metric_name} of {self.name} is {figure}", "correct the metric or the data")
        return figure


CLASSIFICATION = Task(
    name="classification",
    step=_cross_entropy,
    metric=_accuracy,
    metric_name="accuracy",
    higher_is_better=True,
    classes=True,
)
"""Cross-entropy, and the fraction of images whose largest output is their label's."""
