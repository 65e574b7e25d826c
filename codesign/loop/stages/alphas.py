"""Choose what fraction of its weights each layer keeps, on the validation split (003 Fig. 5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from codesign.loop.alpha_search import LayerFacts, choose_alphas, initial_alphas
from codesign.loop.chosen_alphas import AlphasResult
from codesign.loop.figures import BreakEvenResult
from codesign.loop.file_names import NETWORK
from codesign.loop.inputs import Inputs, Work
from codesign.loop.trials import Trials, TrialSettings
from codesign.settings.data import Data
from codesign.settings.layers import GivenAlphas, geometries
from codesign.settings.network_file import NetworkSource
from compress.networks.layers import LayerGeometry
from compress.train.training import accuracy

__all__ = ["METHOD", "AlphaSettings", "AlphasResult", "run"]

METHOD = "003 Fig. 5"


@dataclass(frozen=True)
class AlphaSettings:
    """How to choose.

    Members
    -------
    given : GivenAlphas, optional
        Instead of the search.
    tolerance : float
        Validation accuracy that pruning may cost, or the figure of another task.
    minimum_alpha : float
        No layer keeps less.
    """

    network: NetworkSource
    data: Data
    given: GivenAlphas | None
    tolerance: float
    minimum_alpha: float
    trials: TrialSettings


def run(inputs: Inputs, settings: AlphaSettings, work: Work) -> AlphasResult:
    """Take the given alphas, or search them."""
    network, dataset = settings.network.read(inputs.path(NETWORK)), settings.data.load()
    layers = geometries(network, dataset.input_shape)
    if settings.given is not None:
        return AlphasResult(method=settings.given.source, alphas=settings.given.of(layers))
    score = dataset.task.metric.score
    floor = score(accuracy(network, dataset.validation)) - settings.tolerance
    trials = Trials(network, settings.data, settings.trials, work)
    names = [layer.name for layer in layers]
    initial = initial_alphas(names, trials.without_retraining, floor, settings.minimum_alpha)
    facts = _facts(inputs.result(BreakEvenResult), layers)
    choice = choose_alphas(facts, initial, trials.with_retraining, floor, settings.minimum_alpha)
    return AlphasResult(
        method=METHOD,
        validation_floor=score(floor),
        alphas=choice.alphas,
        initial=choice.initial,
        restored=choice.restored,
        trials=tuple(replace(trial, accuracy=score(trial.accuracy)) for trial in choice.trials),
    )


def _facts(measured: BreakEvenResult, layers: list[LayerGeometry]) -> list[LayerFacts]:
    ratios = {curve.layer: curve.break_even_ratio for curve in measured.curves}
    return [LayerFacts(layer.name, layer.macs, ratios[layer.name]) for layer in layers]
