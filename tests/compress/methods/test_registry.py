from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset
from compress.methods.registry import METHODS, SCHEDULES, SCOPES, VALUE_SETS, Step, Target, prune
from compress.networks.layers import prunable_layers
from compress.sets.balance import GroupCardinality, InputPattern
from compress.sets.constraints import ConstraintSet

SHORT = AdmmConfig(iterations=3, retrain_epochs=2, batch_size=32, tolerance=0)
SIZE = 27 + 270
KEPT = {"0": 0.5, "4": 0.25}


def targets(method: str) -> Iterator[Target]:
    """One for each scope of a method."""
    recipe = METHODS[method]
    for scope in recipe.scopes:
        more: dict[str, Any] = {"weight_bits": {"*": 4}} if recipe.quantizes else {}
        if recipe.stepwise:
            yield Target(scope=scope, steps=(Step(2.0, SHORT), Step(5.0, SHORT)))
        elif scope == "network":
            yield Target(scope=scope, ratio=4.0)
        elif scope == "n:m":
            yield Target(scope=scope, pattern="1:3", alphas={"4": 1 / 3}, **more)
        else:
            yield Target(scope=scope, alphas=KEPT, rows=3, **more)


CASES = [(method, target) for method in METHODS for target in targets(method)]


def assert_reached(network: nn.Module, target: Target) -> None:
    weights = {name: layer.weight.detach() for name, layer in prunable_layers(network).items()}
    counts = {name: int(weight.count_nonzero()) for name, weight in weights.items()}
    if target.scope == "network":
        ratio = target.steps[-1].ratio if target.steps else target.ratio
        assert ratio is not None
        assert sum(counts.values()) <= round(SIZE / ratio)
    elif target.scope == "layer":
        assert counts == {"0": 14, "4": 68}
    else:
        sets: dict[str, ConstraintSet] = {
            "row-balanced": GroupCardinality(round(9 * 0.25), 3),
            "n:m": InputPattern(1, 3),
        }
        assert torch.equal(sets[target.scope].project(weights["4"]), weights["4"])
    assert 0 < sum(counts.values()) < SIZE


@pytest.mark.parametrize(("method", "target"), CASES, ids=lambda case: getattr(case, "scope", case))
def test_every_method_reaches_its_target_in_every_scope(
    method: str, target: Target, small_network: nn.Module, small_data: Dataset
) -> None:
    outcome = prune(small_network, small_data, method, target, SHORT)
    assert_reached(small_network, target)
    for name, mask in outcome.pruned.masks.items():
        assert not small_network.get_parameter(f"{name}.weight")[~mask].any()
    assert bool(outcome.intervals) == METHODS[method].quantizes


@pytest.mark.parametrize("method", METHODS)
def test_every_method_goes_on_from_its_checkpoints(
    method: str, small_network: nn.Module, small_data: Dataset, assert_resumable: Callable[..., int]
) -> None:
    target = next(targets(method))

    def run(network: nn.Module, folder: Path | None, progress: Callable[..., None] | None) -> dict[str, Tensor]:
        return prune(network, small_data, method, target, SHORT, folder, progress).pruned.masks

    trained = SHORT.retrain_epochs if method == "layer-wise" else SHORT.epochs
    assert assert_resumable(small_network, run) >= trained


def test_by_schedule_a_cardinality_falls_or_does_not() -> None:
    rises = [SCHEDULES[name].apply(SHORT).sparsity_rise for name in ("constant", "falling")]
    assert rises == [0, 0.6]
    falling = AdmmConfig(sparsity_rise=0.3)
    assert SCHEDULES["falling"].apply(falling) == falling
    with pytest.raises(CodesignError, match=r"sparsity_rise 0.3 .* 'constant' does not"):
        SCHEDULES["constant"].apply(falling)


WRONG = [
    ("adm", Target(ratio=2.0), "no method 'adm'"),
    ("admm", Target(ratio=2.0, scope="layers"), "no scope 'layers'"),
    ("admm", Target(ratio=2.0, schedule="slow"), "no schedule 'slow'"),
    ("joint", Target(ratio=2.0, scope="network"), "cannot count over scope 'network'"),
    ("progressive", Target(ratio=2.0, scope="network"), "needs steps"),
    ("progressive", Target(scope="network"), "needs steps"),
    ("admm", Target(steps=(Step(2.0),)), "takes no steps"),
    ("admm", Target(), "nothing says how many weights stay"),
    ("joint", Target(ratio=2.0), "no weight_bits"),
    ("admm", Target(scope="n:m", ratio=3.0), "'n:m' keeps 2 of 4 weights, and ratio 3 is given"),
    ("progressive", Target(scope="network", steps=(Step(5.0), Step(2.0))), "ratios 5, 2 of the steps do not rise"),
]


@pytest.mark.parametrize(("method", "target", "message"), WRONG)
def test_what_does_not_fit_is_refused_by_name(
    method: str, target: Target, message: str, small_network: nn.Module, small_data: Dataset
) -> None:
    with pytest.raises(CodesignError, match=message):
        prune(small_network, small_data, method, target, SHORT)


def test_the_summaries_are_one_line_each() -> None:
    for entries in (METHODS, SCOPES, SCHEDULES, VALUE_SETS):
        for name, entry in entries.items():
            assert entry.name == name
            assert entry.summary
            assert "\n" not in entry.summary


def test_steps_of_equal_counts_of_a_small_network_are_refused(small_network: nn.Module, small_data: Dataset) -> None:
    equal = Target(scope="network", steps=(Step(5.0, SHORT), Step(5.001, SHORT)))
    with pytest.raises(CodesignError, match="one after the other"):
        prune(small_network, small_data, "progressive", equal, SHORT)
