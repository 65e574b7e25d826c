"""Accuracies on the test split: the only place where it decides a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from codesign.loop.evaluate import integer_accuracy
from codesign.loop.file_names import MODEL, NETWORK, PRUNED, PRUNED_MODEL, QUANTIZED
from codesign.loop.inputs import Inputs, Work
from codesign.loop.results import Result
from codesign.settings.data import Data
from codesign.settings.network_file import NetworkSource
from compress.data.task import ACCURACY, Metric
from compress.model.model_file import load_model
from compress.train.training import accuracy

__all__ = ["AccuracyResult", "EvaluateSettings", "run"]


@dataclass(frozen=True)
class EvaluateSettings:
    """Whose accuracy on which data."""

    network: NetworkSource
    data: Data


class AccuracyResult(Result):
    """Fractions of the test images: of the networks in floats, and of integer models as the array computes them.

    Of another task than classification the figures of the test images, which ``metric`` describes.

    Members
    -------
    pruned_integer : float
        Of the pruned network in 8-bit levels: what pruning alone costs.
    integer : float
        Of the run's model.
    """

    FILE: ClassVar = "accuracy.json"
    COMMAND: ClassVar = "codesign run"

    dense: float
    pruned: float
    pruned_integer: float
    compressed: float
    integer: float
    test_images: int
    metric: Metric = ACCURACY


def run(inputs: Inputs, settings: EvaluateSettings, work: Work) -> AccuracyResult:
    """Measure five networks on every test image."""
    test, network = settings.data.load().test, settings.network
    return AccuracyResult(
        dense=accuracy(network.read(inputs.path(NETWORK)), test),
        pruned=accuracy(network.read(inputs.path(PRUNED)), test),
        pruned_integer=integer_accuracy(load_model(inputs.path(PRUNED_MODEL)), test, work.progress),
        compressed=accuracy(network.read(inputs.path(QUANTIZED)), test),
        integer=integer_accuracy(load_model(inputs.path(MODEL)), test, work.progress),
        test_images=len(test),
        metric=test.task.metric,
    )
