from __future__ import annotations

from typing import Any

import pytest

from benchmarks.compression.tables import page
from benchmarks.papers import TARGETS

LAYERS = [
    {"name": name, "kept": weights // 100, "weights": weights, "ratio": 100.0, "weight_bits": 3}
    for name, weights in (("conv1", 500), ("conv2", 25_000), ("fc1", 400_000), ("fc2", 5_000))
]


def _entry(accuracy: float, ratio: float, seed: int, method: str = "admm") -> dict[str, Any]:
    return {
        "network": "lenet5",
        "method": method,
        "seed": seed,
        "saliency": 0.5 if ratio > 200 else 0.0,
        "pruning_ratio": ratio,
        "weight_data_ratio": 10 * ratio,
        "file_ratio": 3 * ratio,
        "validation_accuracy": 0.99,
        "float_test_accuracy": 0.99,
        "test_accuracy": accuracy,
        "dense_accuracy": 0.994,
        "seconds": 60.0,
        "layers": LAYERS,
    }


def _result(entries: list[dict[str, Any]]) -> dict[str, Any]:
    compared = [
        {
            "network": "lenet5",
            "method": method,
            "seed": 0,
            "pruning_ratio": 50.2,
            "epochs": 20,
            "uniform": False,
            "test_accuracy": accuracy,
            "seconds": 1.0,
        }
        for method, accuracy in (("admm", 0.98), ("one-shot", 0.97), ("iterative", 0.985), ("projected", 0.5))
    ]
    return {
        "command": "make bench-compress",
        "versions": {"torch": "2"},
        "machine": {"jobs": 2},
        "results": entries,
        "comparisons": compared,
        "trials": [],
        "goals": [],
        "missing": {"cifar10": "no files"},
        "costs": {"admm_step_ratio": 1.04, "projection_ratio": 0.7},
    }


def test_a_point_says_what_its_weights_were_compared_by() -> None:
    text = page(_result([_entry(0.993, 100, 0), _entry(0.99, 300, 0)]))
    assert "| pruned | magnitude | 100x |" in text
    assert "| pruned | saliency 0.5 | 300x |" in text


def test_the_largest_ratio_whose_mean_reaches_the_accuracy_is_the_figure() -> None:
    text = page(
        _result([_entry(0.993, 100, 0), _entry(0.9905, 300, 0), _entry(0.9921, 100, 1), _entry(0.9899, 300, 1)])
    )
    rows = [line for line in text.splitlines() if line.startswith("| LeNet-5, pruned")]
    assert "**100x**" in rows[0]
    assert "99.25 (99.30, 99.21)" in rows[0]
    assert "**300x**" in rows[1]  # the mean of 99.05 and 98.99


def test_what_misses_the_accuracy_says_so_and_what_did_not_run_too() -> None:
    lines = page(_result([_entry(0.97, 300, 0)])).splitlines()
    assert sum("| missed |" in line for line in lines) == 2  # LeNet-5, pruned, at both accuracies
    assert sum("| not run |" in line for line in lines) == len(TARGETS) - 2


def test_a_method_that_is_ahead_of_admm_is_shown_as_ahead() -> None:
    (row,) = [line for line in page(_result([_entry(0.99, 100, 0)])).splitlines() if line.startswith("| 50x")]
    assert row.endswith("| -0.50 |")


@pytest.mark.parametrize("words", ["no files", "1.04", "0.70", "### lenet5, beside 000 T3, 167x"])
def test_the_page_tells(words: str) -> None:
    assert words in page(_result([_entry(0.99, 100, 0), _entry(0.99, 100, 0, "admm+quantize")]))


def _mobilenet(accuracy: float, method: str, before: float | None) -> dict[str, Any]:
    return {
        "network": "mobilenet-v2",
        "method": method,
        "seed": 0,
        "uniform": True,
        "train_images": 2000,
        "epochs": 4,
        "rho": [0.01, 0.01],
        "dense_accuracy": accuracy,
        "accuracy_before": before,
        "test_accuracy": 0.25,
        "seconds": 1.0,
    }


def _page_with(*mobilenets: dict[str, Any]) -> str:
    result = _result([_entry(0.99, 100, 0)])
    return page({**result, "comparisons": [*result["comparisons"], *mobilenets]})


@pytest.mark.parametrize(("accuracy", "said"), [(0.10, True), (0.45, False)])
def test_mobilenets_at_chance_are_said_to_be(accuracy: float, said: bool) -> None:
    assert ("At chance" in _page_with(_mobilenet(accuracy, "admm", accuracy))) == said


def test_before_and_after_stand_beside_the_paper() -> None:
    text = _page_with(_mobilenet(0.5, "admm", 0.4), _mobilenet(0.5, "projected", None))
    assert "| mobilenet-v2 | ADMM | 0.01 | 50.00 | 40.00 | 25.00 | 80.66 | 67.10 |" in text
    assert "| mobilenet-v2 | projected gradient |  | 50.00 |  | 25.00 | 10.00 | 70.60 |" in text


def test_a_network_or_penalty_that_is_not_the_papers_stands_alone() -> None:
    other = {**_mobilenet(0.5, "admm", 0.4), "network": "mine"}
    rising, strong = ({**_mobilenet(0.5, "admm", 0.4), "rho": rho} for rho in ([0.01, 1.0], [1.0, 1.0]))
    text = _page_with(other, rising, strong)
    assert "| mine | ADMM | 0.01 | 50.00 | 40.00 | 25.00 |  |  |" in text
    assert "| mobilenet-v2 | ADMM | 0.01 to 1 | 50.00 | 40.00 | 25.00 |  |  |" in text
    assert "| mobilenet-v2 | ADMM | 1 | 50.00 | 40.00 | 25.00 |  |  |" in text
