"""One process's share of the compression benchmark: train a dense network, prune and quantize it, compare methods."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from benchmarks.results import Results, Stopwatch
from codesign.loop.evaluate import evaluate_model
from compress.admm.iteration import AdmmConfig
from compress.admm.split_variables import Constraint
from compress.base.files import write_bytes
from compress.data.datasets import Dataset, Split, load_dataset
from compress.methods.baselines import prune_iteratively, prune_one_shot, prune_projected
from compress.methods.integerize import integerize
from compress.methods.post_training import levels_of, round_weights
from compress.methods.progressive import prune_progressively
from compress.methods.prune import PruningMethod, cardinality_constraints, prune_to
from compress.methods.quantize import QuantizeResult, quantize_admm
from compress.model.model_file import save_model
from compress.networks.chain import prunable_layers
from compress.networks.compact import compact
from compress.networks.registry import build_network
from compress.sets.constraints import Cardinality
from compress.train.checkpoint import Checkpoint, describe_run
from compress.train.histograms import copy_weights, weight_histograms
from compress.train.training import TrainingConfig, accuracy, train

if TYPE_CHECKING:  # a result's own recipe is among its settings, and others' changes must not make it anew
    from benchmarks.compression.recipes import Comparison, Recipe

__all__ = ["METHODS", "compare", "details_of", "prune_and_quantize", "train_dense"]

Config = TypeVar("Config", AdmmConfig, TrainingConfig)
PRUNED_BITS = 8  # a model that is only pruned is stored in levels of so many bits
METHODS: dict[str, PruningMethod] = {
    "admm": prune_to,
    "one-shot": prune_one_shot,
    "iterative": prune_iteratively,
    "projected": prune_projected,
}


@cache
def _whole(data: str) -> Dataset:
    return load_dataset(data, seed=0)


def _dataset(recipe: Recipe) -> Dataset:
    whole = _whole(recipe.data)
    images = recipe.train_images
    if images is None:
        return whole
    return replace(whole, train=whole.train.take(images), validation=whole.validation.take(images // 4))


def _weights(network: nn.Module) -> int:
    return sum(layer.weight.numel() for layer in prunable_layers(network).values())


def train_dense(recipe: Recipe, seed: int, results: Results) -> None:
    """Train a recipe's network from a seed, once; what it reaches on the test images is kept with it."""
    torch.set_num_threads(1)
    key, settings = f"{recipe.name}-seed{seed}-dense", _dense_settings(recipe)
    if results.get(__name__, key, settings) is not None and _dense_path(recipe, seed, results).exists():
        return
    dataset, network = _dataset(recipe), build_network(recipe.network, seed)
    work = results.work(__name__, key, settings)
    stopwatch = Stopwatch(work / "seconds")
    checkpoint = Checkpoint(work / "train.pt", describe_run("dense", network, dataset, recipe.dense, seed=seed))
    train(network, dataset, _seeded(recipe.dense, seed), stopwatch.note, checkpoint=checkpoint)
    write_bytes(_dense_path(recipe, seed, results), save(network.state_dict()))
    result = {"validation_accuracy": accuracy(network, dataset.validation), "seconds": stopwatch.seconds}
    results.put(__name__, key, settings, {**result, "test_accuracy": accuracy(network, dataset.test)})


def prune_and_quantize(recipe: Recipe, seed: int, results: Results) -> list[dict[str, Any]]:
    """Every operating point of a recipe for one seed, as entries of compress.json."""
    torch.set_num_threads(1)
    key, settings = f"{recipe.name}-seed{seed}", _settings(recipe)
    if (finished := results.get(__name__, key, settings)) is not None:
        return list(finished["entries"])
    dataset, network = _dataset(recipe), _dense(recipe, seed, results)
    before, size = copy_weights(network), _weights(network)
    counts = [round(size / ratio) for ratio, _ in recipe.steps]
    configs = [_seeded(config, seed * 100 + 10 * number) for number, (_, config) in enumerate(recipe.steps)]
    work = results.work(__name__, key, settings)
    stopwatch = Stopwatch(work / "seconds")
    entries: list[dict[str, Any]] = []
    training: dict[str, Any] = {}
    pruned_steps = prune_progressively(network, dataset, counts, configs, work, stopwatch.note)
    for (asked, config), step in zip(recipe.steps, pruned_steps, strict=True):
        ratio = f"{size / step.count:.0f}x"
        about = {"network": recipe.name, "seed": seed, "saliency": config.saliency}
        extra = about | _entry("admm", stopwatch, network, dataset)
        pruned = copy.deepcopy(network)
        rounded = round_weights(pruned, {"*": PRUNED_BITS})
        entries.append(_finish(pruned, rounded, f"{key}-{ratio}", extra, recipe, seed, results))
        training[ratio] = {
            "admm": [asdict(record) for record in step.history],
            "retraining": [asdict(record) for record in step.retraining],
        }
        if asked in recipe.quantized_ratios:
            pruned = copy.deepcopy(network)
            quantized = _quantize(pruned, dataset, recipe, seed, work / f"{step.count}-quantize.pt", stopwatch)
            extra = about | _entry("admm+quantize", stopwatch, pruned, dataset)
            entries.append(_finish(pruned, quantized, f"{key}-{ratio}-quantized", extra, recipe, seed, results))
    histograms = weight_histograms({"dense": before, "pruned and retrained": copy_weights(network)})
    result = {"entries": entries, "training": training, "histograms": [asdict(layer) for layer in histograms]}
    results.put(__name__, key, settings, result)
    return entries


def details_of(recipe: Recipe, seed: int, results: Results) -> dict[str, Any] | None:
    """Entries, histories and histograms that ``prune_and_quantize`` has finished."""
    return results.get(__name__, f"{recipe.name}-seed{seed}", _settings(recipe))


def compare(
    comparison: Comparison, recipe: Recipe, seed: int, ratio: float, method: str, results: Results
) -> dict[str, Any]:
    """One method at one ratio, in as many epochs as every other.

    ``accuracy_before`` is of ADMM alone: with its weights before the hard projection.
    """
    torch.set_num_threads(1)
    key = f"compare-{comparison.name}-{method}-{ratio:g}x-seed{seed}"
    settings = {**asdict(comparison.config), "uniform": comparison.uniform, "dense": _dense_settings(recipe)}
    if (finished := results.get(__name__, key, settings)) is not None:
        return finished
    dataset, network = _dataset(recipe), _dense(recipe, seed, results)
    config, constraints = _seeded(comparison.config, seed), _constraints(network, ratio, comparison.uniform)
    work = results.work(__name__, key, settings)
    stopwatch = Stopwatch(work / "seconds")
    found = METHODS[method](network, dataset, constraints, config, work / "prune.pt", stopwatch.note)
    kept = sum(int(layer.weight.count_nonzero()) for layer in prunable_layers(network).values())
    result = {
        "network": comparison.recipe,
        "method": method,
        "seed": seed,
        "uniform": comparison.uniform,
        "train_images": len(dataset.train.labels),
        "pruning_ratio": _weights(network) / max(1, kept),
        "epochs": config.epochs,
        "rho": [config.rho_first, config.rho_last],
        "dense_accuracy": _dense_accuracy(recipe, seed, results),
        "accuracy_before": _accuracy_with(found.admm_weights, network, dataset.test),
        "validation_accuracy": accuracy(network, dataset.validation),
        "test_accuracy": accuracy(network, dataset.test),
        "seconds": stopwatch.seconds,
    }
    results.put(__name__, key, settings, result)
    return result


def _constraints(network: nn.Module, ratio: float, uniform: bool) -> list[Constraint]:
    if uniform:
        return cardinality_constraints(network, {"*": 1 / ratio})
    return [Constraint(tuple(prunable_layers(network)), Cardinality(round(_weights(network) / ratio)))]


def _accuracy_with(weights: Mapping[str, Tensor], network: nn.Module, split: Split) -> float | None:
    """Of the network with other weights in some layers; None without any."""
    if not weights:
        return None
    changed = copy.deepcopy(network)
    with torch.no_grad():
        for name, values in weights.items():
            changed.get_parameter(f"{name}.weight").copy_(values)
    return accuracy(changed, split)


def _quantize(
    network: nn.Module, dataset: Dataset, recipe: Recipe, seed: int, checkpoint: Path, stopwatch: Stopwatch
) -> QuantizeResult:
    """Quantize the network without its dead channels, and bring the levels back to its full size."""
    small = compact(network, dataset.input_shape)
    masks = {name: layer.weight != 0 for name, layer in prunable_layers(small.network).items()}
    config = _seeded(recipe.quantize, seed)
    found = quantize_admm(small.network, dataset, masks, recipe.weight_bits, config, checkpoint, stopwatch.note)
    small.restore(network)
    return levels_of(network, found.intervals, found.weight_bits)


def _finish(
    network: nn.Module,
    quantized: QuantizeResult,
    name: str,
    extra: dict[str, Any],
    recipe: Recipe,
    seed: int,
    results: Results,
) -> dict[str, Any]:
    """Store the integer model, evaluate its file, and make the entry of compress.json."""
    dataset = _dataset(recipe)
    path = results.path("models", f"{name}.safetensors")
    provenance = {"data": recipe.data, "network": recipe.network, "seed": seed, "benchmark": recipe.name}
    save_model(integerize(network, quantized, dataset.validation, dataset.input_shape, provenance=provenance), path)
    found = evaluate_model(path, recipe.data)
    storage = found.storage
    return {
        **extra,
        "pruning_ratio": sum(layer.weights for layer in storage.layers) / sum(x.nonzeros for x in storage.layers),
        "weight_data_ratio": storage.data_ratio,
        "file_ratio": storage.dense_bits / (8 * found.packed_bytes),
        "packed_bytes": found.packed_bytes,
        "test_accuracy": found.accuracy,
        "layers": found.to_dict()["layers"],
        "model": f"models/{path.name}",
        "dense_accuracy": _dense_accuracy(recipe, seed, results),
    }


def _entry(method: str, stopwatch: Stopwatch, network: nn.Module, dataset: Dataset) -> dict[str, Any]:
    return {
        "method": method,
        "seconds": stopwatch.seconds,
        "validation_accuracy": accuracy(network, dataset.validation),
        "float_test_accuracy": accuracy(network, dataset.test),
    }


def _dense(recipe: Recipe, seed: int, results: Results) -> nn.Module:
    network = build_network(recipe.network, seed)
    network.load_state_dict(load_file(_dense_path(recipe, seed, results)))
    return network


def _dense_path(recipe: Recipe, seed: int, results: Results) -> Path:
    work = results.work(__name__, f"{recipe.name}-seed{seed}-dense", _dense_settings(recipe))
    return work / "dense.safetensors"


def _dense_settings(recipe: Recipe) -> dict[str, Any]:
    about = {"network": recipe.network, "data": recipe.data, "train_images": recipe.train_images}
    return {**asdict(recipe.dense), **about}


def _dense_accuracy(recipe: Recipe, seed: int, results: Results) -> float:
    """On the test images, as ``train_dense`` kept it."""
    found = results.get(__name__, f"{recipe.name}-seed{seed}-dense", _dense_settings(recipe)) or {}
    return float(found["test_accuracy"])


def _settings(recipe: Recipe) -> dict[str, Any]:
    return {name: value for name, value in asdict(recipe).items() if name != "seeds"}


def _seeded(config: Config, seed: int) -> Config:
    return replace(config, seed=seed)
