from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.compression.jobs import compare, prune_and_quantize, train_dense
from benchmarks.compression.recipes import COMPARISONS, RECIPES, Comparison, Recipe, quick
from benchmarks.results import Results
from codesign.loop.evaluate import evaluate_model
from compress.admm.iteration import AdmmConfig
from compress.methods.presets import preset
from compress.methods.registry import PRUNERS
from compress.networks.registry import build_network

SHORT = AdmmConfig(iterations=2, retrain_epochs=1, tolerance=0, sparsity_rise=0.5)
DOCUMENT = {
    "network": {"name": "digits-net"},
    "data": {"name": "digits"},
    "train": {"epochs": 3},
    "compress": {
        "method": "progressive",
        "scope": "network",
        "schedule": "falling",
        "calibrate": "validation",
        "prune": {"iterations": 2, "retrain_epochs": 1, "tolerance": 0, "sparsity_rise": 0.5},
        "quantize": {"iterations": 1, "retrain_epochs": 1, "tolerance": 0},
        "steps": [{"ratio": 4}, {"ratio": 20}],
    },
}
RECIPE = Recipe("digits", DOCUMENT, seeds=(3,), quantized_ratios=(4.0,))
COMPARISON = Comparison("digits", "digits", (3,), (10.0,), replace(SHORT, iterations=3, retrain_epochs=2))
WEIGHTS = 144 + 4608 + 16384 + 320


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    made = Results(tmp_path_factory.mktemp("bench"))
    train_dense(RECIPE, 3, made)
    return made


def test_every_operating_point_is_an_entry_with_a_model_that_tells_the_same(results: Results) -> None:
    entries = prune_and_quantize(RECIPE, 3, results)
    assert [entry["method"] for entry in entries] == ["admm", "admm+quantize", "admm"]
    for entry, ratio in zip(entries, (4, 4, 20), strict=True):
        found = evaluate_model(results.folder / entry["model"])
        kept = sum(layer.nonzeros for layer in found.storage.layers)
        assert kept <= round(WEIGHTS / ratio)
        assert entry["pruning_ratio"] == WEIGHTS / kept
        assert entry["test_accuracy"] == found.accuracy
        assert entry["file_ratio"] == 4 * WEIGHTS / found.packed_bytes
    assert entries[1]["weight_data_ratio"] == 32 / 4 * entries[1]["pruning_ratio"]
    again = prune_and_quantize(RECIPE, 3, results)
    assert again == entries  # read back, seconds and all


def test_an_interrupted_run_goes_on_with_the_same_result(results: Results, tmp_path: Path) -> None:
    other = Results(tmp_path)
    train_dense(RECIPE, 3, other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.compression.jobs.quantize_network", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            prune_and_quantize(RECIPE, 3, other)
    changing = {"seconds"}
    expected = [_without(entry, changing) for entry in prune_and_quantize(RECIPE, 3, results)]
    assert [_without(entry, changing) for entry in prune_and_quantize(RECIPE, 3, other)] == expected


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _without(entry: dict[str, object], names: set[str]) -> dict[str, object]:
    return {name: value for name, value in entry.items() if name not in names}


def test_every_method_keeps_as_many_weights_in_as_many_epochs(results: Results) -> None:
    found = [compare(COMPARISON, RECIPE, 3, 10.0, method, results) for method in PRUNERS]
    assert {result["epochs"] for result in found} == {5}
    assert {result["pruning_ratio"] for result in found} == {WEIGHTS / round(WEIGHTS / 10)}


def test_uniform_pruning_keeps_a_portion_of_every_layer(results: Results) -> None:
    config = replace(SHORT, iterations=1, retrain_epochs=0)
    uniform = Comparison("half", "digits", (3,), (2.0,), config, methods=("admm", "projected"), uniform=True)
    admm, projected = (compare(uniform, RECIPE, 3, 2.0, method, results) for method in uniform.methods)
    assert admm["pruning_ratio"] == projected["pruning_ratio"] == 2
    assert 0 < admm["accuracy_before"] <= 1
    assert projected["accuracy_before"] is None


def test_a_recipe_may_train_on_a_part_of_the_images(results: Results) -> None:
    part = replace(RECIPE, name="part", train_images=120, document={**DOCUMENT, "train": {"epochs": 1}})
    train_dense(part, 3, results)
    result = compare(replace(COMPARISON, name="part"), part, 3, 10.0, "one-shot", results)
    assert result["train_images"] == 120


def test_the_recipes_fit_their_networks() -> None:
    names = {recipe.name for recipe in RECIPES}
    assert len({comparison.name for comparison in COMPARISONS}) == len(COMPARISONS)
    assert all(comparison.recipe in names and set(comparison.methods) <= set(PRUNERS) for comparison in COMPARISONS)
    for paper in (preset(f"mobilenet-{name}-half") for name in ("v2", "v3-small", "v3-large")):
        (half,) = (comparison.config for comparison in COMPARISONS if comparison.name == paper.network)
        assert (half.rho_first, half.rho_last, half.learning_rate) == (paper.rho, paper.rho, paper.learning_rate)
    for recipe in (*RECIPES, *map(quick, RECIPES)):
        config = recipe.config(1)
        assert (config.data.seed, config.train.seed) == (0, 1)
        layers = {name.split(".")[0] for name, _ in build_network(recipe.network, 0).named_parameters()}
        assert set(config.compress.layer_bits) <= layers
        ratios = [step.ratio for step in config.compress.steps]
        assert [step.prune.seed for step in config.compress.steps] == [100 + 10 * n for n in range(len(ratios))]
        assert ratios == sorted(set(ratios))
        assert set(recipe.quantized_ratios) <= set(ratios)
        assert bool(recipe.quantized_ratios) <= bool(config.compress.layer_bits)
