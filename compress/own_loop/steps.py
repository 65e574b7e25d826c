"""Calls around every step of the user's optimizers, whoever calls the step: the loop, a GradScaler or a scheduler."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

__all__ = ["StepHooks"]


class StepHooks:
    """``before`` and ``after`` each step, by torch's own hooks of optimizers.

    So they run once a step, however many backward passes it gathers, after gradients were clipped, exchanged between
    processes and unscaled. Fused optimizers take gradients that a GradScaler has scaled and divide by its scale
    themselves; ``before`` is given that scale, else None. A closure is given to ``before`` after each of its backward
    passes, and its loss is raised by ``penalty``.

    Parameters
    ----------
    before : callable
        Of an optimizer and a scale: completes the gradients.
    after : callable
        Corrects the weights.
    penalty : callable
        What to add to the loss of a closure.
    """

    def __init__(
        self,
        optimizers: Iterable[Optimizer],
        before: Callable[[Optimizer, Tensor | None], None],
        after: Callable[[], None],
        penalty: Callable[[], float],
    ) -> None:
        self._before, self._after, self._penalty = before, after, penalty
        self._handles = [
            handle
            for optimizer in optimizers
            for handle in (
                optimizer.register_step_pre_hook(self._pre_step),
                optimizer.register_step_post_hook(self._post_step),
            )
        ]

    def remove(self) -> None:
        """Leave the optimizers as they were."""
        for handle in self._handles:
            handle.remove()

    def _pre_step(
        self, optimizer: Optimizer, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        closure = named.get("closure", arguments[1] if len(arguments) > 1 else None)
        if closure is None:
            self._before(optimizer, getattr(optimizer, "grad_scale", None))
            return None

        def with_penalty() -> Any:
            loss = closure()
            self._before(optimizer, None)
            return loss + self._penalty()

        return arguments[:1], {**named, "closure": with_penalty}

    def _post_step(self, _optimizer: Optimizer, _arguments: tuple[Any, ...], _named: dict[str, Any]) -> None:
        self._after()
