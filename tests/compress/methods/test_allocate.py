from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset
from compress.methods.allocate import (
    accuracy_after_admm,
    accuracy_after_cutting,
    allocate,
    alphas_within,
    reduce_proportionally,
    scan_sensitivity,
)
from compress.train.training import accuracy

NEEDED = {"conv1": 0.25, "fc1": 0.02, "fc2": 0.1}


def model_accuracy(alphas: Mapping[str, float]) -> float:
    """1 where every layer keeps what it needs, less in proportion to what is missing."""
    return 1 - sum(max(0.0, NEEDED[name] - alpha) for name, alpha in alphas.items())


def test_a_scan_prunes_one_layer_at_a_time_until_it_hurts() -> None:
    scan = scan_sensitivity(list(NEEDED), model_accuracy, (0.5, 0.2, 0.1), stop_below=0.96)
    assert scan["fc1"] == ((0.5, 1.0), (0.2, 1.0), (0.1, 1.0))
    assert scan["conv1"] == ((0.5, 1.0), (0.2, 0.95))
    assert alphas_within(scan, 0.96) == {"conv1": 0.5, "fc1": 0.1, "fc2": 0.1}
    assert alphas_within(scan, 1.1) == dict.fromkeys(NEEDED, 1.0)


@given(st.floats(0.01, 20), st.integers(4, 12))
def test_the_smallest_factor_is_found_from_either_side(start: float, steps: int) -> None:
    initial = {name: min(0.99, alpha * start) for name, alpha in NEEDED.items()}
    found = reduce_proportionally(initial, model_accuracy, floor=1.0, steps=steps, largest_cut=128.0)
    assert model_accuracy(found.alphas) == 1.0
    factor = min(trial.factor for trial in found.trials if trial.accepted)
    smaller = factor / 128 ** (2.0**-steps) * 0.999
    assert model_accuracy({name: min(1.0, alpha * smaller) for name, alpha in initial.items()}) < 1.0
    assert len(found.trials) <= steps + 2


def test_dense_layers_stay_dense() -> None:
    found = reduce_proportionally({"conv1": 1.0, "fc1": 0.5, "fc2": 0.9}, model_accuracy, floor=1.0)
    assert found.alphas["conv1"] == 1.0
    assert found.alphas["fc1"] < 0.1


def test_a_floor_out_of_reach_is_a_clear_error() -> None:
    with pytest.raises(CodesignError, match="stays below"):
        reduce_proportionally(NEEDED, model_accuracy, floor=1.5)
    with pytest.raises(CodesignError, match="0 steps"):
        reduce_proportionally(NEEDED, model_accuracy, floor=1.0, steps=0)


def test_measures_leave_the_network_alone(trained: nn.Module, digits: Dataset) -> None:
    dense = accuracy(trained, digits.validation)
    cut = accuracy_after_cutting(trained, digits.validation)
    config = AdmmConfig(iterations=2, retrain_epochs=2, rho_first=1.0)
    admm = accuracy_after_admm(trained, digits, config)
    assert cut({"fc1": 0.02}) < admm({"fc1": 0.02})
    assert cut({}) == accuracy(trained, digits.validation) == dense


def test_both_measures_give_an_allocation(trained: nn.Module, digits: Dataset) -> None:
    quick = accuracy_after_cutting(trained, digits.validation)
    found = allocate(["conv2", "fc1"], quick, quick, floor=0.9, quick_floor=0.95, steps=3)
    assert quick(found.alphas) >= 0.9
    assert max(found.alphas.values()) < 0.6
