"""Choose alpha of every layer for the hardware: the algorithm of 003 Fig. 5, apart from how accuracy is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from codesign.loop.chosen_alphas import Trial
from flows.search.break_even_ratio import BreakEvenRatio

__all__ = ["AlphaChoice", "LayerFacts", "choose_alphas", "initial_alphas"]

SEARCH_STEPS = 5
SENSITIVITY_ALPHAS = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02, 0.01)

Alphas = dict[str, float]
AccuracyOf = Callable[[Mapping[str, float]], float]


@dataclass(frozen=True)
class LayerFacts:
    """What the choice needs to know of a layer: its work, and the pruning ratio from which hardware gains."""

    name: str
    macs: int
    break_even_ratio: BreakEvenRatio


@dataclass(frozen=True)
class AlphaChoice:
    """The chosen alphas, 1.0 for the layers in ``restored``, and the way there."""

    alphas: Alphas
    initial: Alphas
    restored: tuple[str, ...]
    trials: tuple[Trial, ...]


def initial_alphas(names: Sequence[str], accuracy_of: AccuracyOf, floor: float, minimum_alpha: float) -> Alphas:
    """How far each layer can be pruned while all others stay dense (003 takes these from earlier work).

    For each layer the smallest of a fixed list of alphas, down to the first that falls below ``floor``.
    """
    result = {}
    for name in names:
        result[name] = 1.0
        for alpha in (a for a in SENSITIVITY_ALPHAS if a >= minimum_alpha):
            if accuracy_of({name: alpha}) < floor:
                break
            result[name] = alpha
    return result


def choose_alphas(
    layers: Sequence[LayerFacts], initial: Alphas, accuracy_of: AccuracyOf, floor: float, minimum_alpha: float
) -> AlphaChoice:
    """003 Fig. 5.

    1. From ``initial`` reduce each alpha_i by an amount proportional to C_i, the layer's MACs, as far as accuracy
       stays at ``floor``, by binary search; where already ``initial`` is too much, move back towards dense.
    2. Restore every layer that does not pass its break-even ratio.
    3. Spend the slack on the layers that are left: search again, further down; then shrink all of them by one factor,
       since steps proportional to C_i hardly move a Linear layer.

    Parameters
    ----------
    layers : list of LayerFacts
        In the network's order.
    initial : dict
        Of ``initial_alphas``.
    accuracy_of : callable
        Validation accuracy of the network at given alphas, or another score of which more is better; layers left out
        are dense.
    floor : float
        The accuracy to keep.
    minimum_alpha : float
        No layer keeps less, unless ``initial`` says so.

    """
    search = _Search(layers, initial, accuracy_of, floor, minimum_alpha)
    names = [layer.name for layer in layers]
    reach = search.furthest("reduce", names, lowest=-1.0)
    reduced = search.at(names, reach)
    pruned = [layer.name for layer in layers if layer.break_even_ratio.passed_by(reduced[layer.name])]
    restored = tuple(name for name in names if name not in pruned)
    if restored and pruned:
        reach = search.furthest("spend slack", pruned, lowest=reach)
    shrunk = search.shrunk("shrink", search.at(pruned, reach))
    alphas = {**dict.fromkeys(names, 1.0), **shrunk}
    return AlphaChoice(alphas, initial, restored, tuple(search.trials))


class _Search:
    """Alphas along one line: reach -1 is dense, 0 the initial alphas, 1 as small as they get."""

    def __init__(
        self, layers: Sequence[LayerFacts], initial: Alphas, accuracy_of: AccuracyOf, floor: float, minimum_alpha: float
    ) -> None:
        self.trials: list[Trial] = []
        self._initial = initial
        self._accuracy_of = accuracy_of
        self._floor = floor
        self._minimum = minimum_alpha
        most = max(layer.macs for layer in layers)
        self._share = {layer.name: layer.macs / most for layer in layers}

    def at(self, names: Sequence[str], reach: float) -> Alphas:
        if reach < 0:
            return {name: self._initial[name] - reach * (1 - self._initial[name]) for name in names}
        down = {name: self._initial[name] - reach * self._share[name] for name in names}
        return {name: max(min(self._minimum, self._initial[name]), alpha) for name, alpha in down.items()}

    def furthest(self, step: str, names: Sequence[str], lowest: float) -> float:
        """The largest reach from ``lowest``, taken as good, that keeps accuracy."""
        if self._keeps_accuracy(step, names, 1.0):
            return 1.0
        low, high = lowest, 1.0
        if lowest < 0:
            low, high = (0.0, 1.0) if self._keeps_accuracy(step, names, 0.0) else (lowest, 0.0)
        for _ in range(SEARCH_STEPS):
            middle = (low + high) / 2
            if self._keeps_accuracy(step, names, middle):
                low = middle
            else:
                high = middle
        return low

    def shrunk(self, step: str, alphas: Alphas) -> Alphas:
        """``alphas`` times the smallest factor that keeps accuracy; as they are, they are taken as good."""
        low, high = 0.0, 1.0
        for _ in range(SEARCH_STEPS if alphas else 0):
            middle = (low + high) / 2
            if self._accepts(step, self._times(alphas, middle)):
                high = middle
            else:
                low = middle
        return self._times(alphas, high)

    def _times(self, alphas: Alphas, factor: float) -> Alphas:
        return {name: max(min(self._minimum, alpha), factor * alpha) for name, alpha in alphas.items()}

    def _keeps_accuracy(self, step: str, names: Sequence[str], reach: float) -> bool:
        return self._accepts(step, self.at(names, reach))

    def _accepts(self, step: str, alphas: Alphas) -> bool:
        accuracy = self._accuracy_of(alphas)
        self.trials.append(Trial(step, alphas, accuracy, accuracy >= self._floor))
        return self.trials[-1].accepted
