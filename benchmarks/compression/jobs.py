"""One process's share of the compression benchmark: train a dense network, prune and quantize it, compare methods."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from benchmarks.commits import commit_of_source
from benchmarks.results import Results, Stopwatch
from codesign.loop.evaluate import evaluate_model
from codesign.loop.stages.training import train_network
from codesign.settings.compression import (
    integer_model,
    prune_network,
    quantize_network,
    rounded_model,
)
from compress.base.files import write_bytes
from compress.data.datasets import Dataset, Split, load_dataset
from compress.methods.registry import Outcome, Target, prune
from compress.model.compressed_model import CompressedModel
from compress.model.model_file import save_model
from compress.networks.layers import prunable_layers
from compress.networks.registry import build_network
from compress.train.histograms import copy_weights, weight_histograms
from compress.train.training import accuracy

if TYPE_CHECKING:  # a result's own recipe is among its settings, and others' changes must not make it anew
    from benchmarks.compression.recipes import Comparison, Recipe
    from codesign.settings.compress_section import CompressSection

__all__ = ["compare", "details_of", "prune_and_quantize", "train_dense"]


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
    dataset, config = _dataset(recipe), recipe.config(seed)
    work = results.work(__name__, key, settings)
    stopwatch = Stopwatch(work / "seconds")
    network, _ = train_network(build_network(recipe.network, seed), dataset, config.train, work, stopwatch.note)
    write_bytes(_dense_path(recipe, seed, results), save(network.state_dict()))
    result = {"validation_accuracy": accuracy(network, dataset.validation), "seconds": stopwatch.seconds}
    results.put(__name__, key, settings, {**result, "test_accuracy": accuracy(network, dataset.test)})


def prune_and_quantize(recipe: Recipe, seed: int, results: Results) -> list[dict[str, Any]]:
    """Every operating point of a recipe for one seed, as entries of compress.json."""
    torch.set_num_threads(1)
    key, settings = f"{recipe.name}-seed{seed}", _settings(recipe)
    if (finished := results.get(__name__, key, settings)) is not None:
        return list(finished["entries"])
    work = results.work(__name__, key, settings)
    run = _Run(recipe, seed, results, _dataset(recipe), work, Stopwatch(work / "seconds"))
    before = pruned = run.dense()
    config = recipe.config(seed).compress
    entries: list[dict[str, Any]] = []
    training: dict[str, Any] = {}
    iterations = epochs = 0
    for number, step in enumerate(config.steps, start=1):  # those before are in the checkpoints
        section = config.model_copy(update={"steps": config.steps[:number]})
        ratio = f"{_weights(before) / round(_weights(before) / step.ratio):.0f}x"
        pruned, outcome = run.prune(section)
        entries.append(run.pruned_entry(section, pruned, ratio))
        history, retraining = outcome.pruned.history, outcome.pruned.retraining
        training[ratio] = {
            "admm": [asdict(record) for record in history[iterations:]],
            "retraining": [asdict(record) for record in retraining[epochs:]],
        }
        iterations, epochs = len(history), len(retraining)
        if step.ratio in recipe.quantized_ratios:
            entries.append(run.quantized_entry(section, pruned, ratio))
    histograms = weight_histograms({"dense": copy_weights(before), "pruned and retrained": copy_weights(pruned)})
    result = {"entries": entries, "training": training, "histograms": [asdict(layer) for layer in histograms]}
    results.put(__name__, key, settings, result)
    return entries


@dataclass(frozen=True)
class _Run:
    """A recipe's pruning from one seed; ``work`` has its checkpoints."""

    recipe: Recipe
    seed: int
    results: Results
    dataset: Dataset
    work: Path
    stopwatch: Stopwatch

    def dense(self) -> nn.Module:
        """The trained network to start from, a new copy each time."""
        return _dense(self.recipe, self.seed, self.results)

    def prune(self, section: CompressSection) -> tuple[nn.Module, Outcome]:
        """Every step of ``section``; those that a checkpoint has are read."""
        method, target, told = section.method, section.target(), self.stopwatch.note
        return prune_network(self.dense(), self.dataset, method, target, section.prune, self.work, told)

    def pruned_entry(self, section: CompressSection, pruned: nn.Module, ratio: str) -> dict[str, Any]:
        """The pruned network, rounded without training."""
        measured = self._measured("admm", section, pruned)
        provenance = _provenance(self.recipe, self.seed)
        model = rounded_model(pruned, self.dataset, section.calibrate, provenance=provenance)
        return self._finish(model, ratio, measured)

    def quantized_entry(self, section: CompressSection, pruned: nn.Module, ratio: str) -> dict[str, Any]:
        """The pruned network, quantized and retrained."""
        bits = {name: section.layer_bits.get(name, section.weight_bits) for name in prunable_layers(pruned)}
        folder, told = self.work / f"quantize-{ratio}", self.stopwatch.note
        levels, found = quantize_network(pruned, self.dataset, section.values, bits, {}, folder, told)
        measured = self._measured("admm+quantize", section, levels)
        provenance = _provenance(self.recipe, self.seed)
        model = integer_model(levels, found, self.dataset, section.calibrate, provenance=provenance)
        return self._finish(model, f"{ratio}-quantized", measured)

    def _measured(self, method: str, section: CompressSection, network: nn.Module) -> dict[str, Any]:
        """Members of an entry that come from the floating-point network."""
        return {
            "network": self.recipe.name,
            "seed": self.seed,
            "saliency": section.steps[-1].prune.saliency,
            "method": method,
            "seconds": self.stopwatch.seconds,
            "validation_accuracy": accuracy(network, self.dataset.validation),
            "float_test_accuracy": accuracy(network, self.dataset.test),
        }

    def _finish(self, model: CompressedModel, name: str, measured: dict[str, Any]) -> dict[str, Any]:
        """Store the integer model, evaluate its file, and make the entry of compress.json."""
        path = self.results.path("models", f"{self.recipe.name}-seed{self.seed}-{name}.safetensors")
        save_model(model, path)
        found = evaluate_model(path, self.recipe.data)
        storage = found.storage
        return {
            **measured,
            "pruning_ratio": sum(layer.weights for layer in storage.layers) / sum(x.nonzeros for x in storage.layers),
            "weight_data_ratio": storage.data_ratio,
            "file_ratio": storage.dense_bits / (8 * found.packed_bytes),
            "packed_bytes": found.packed_bytes,
            "test_accuracy": found.accuracy,
            "layers": found.to_dict()["layers"],
            "model": f"models/{path.name}",
            "dense_accuracy": _dense_accuracy(self.recipe, self.seed, self.results),
            "commit": commit_of_source(),
        }


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
    config = replace(comparison.config, seed=seed)
    target = Target(
        ratio=ratio,
        scope="layer" if comparison.uniform else "network",
        schedule="falling" if config.sparsity_rise else "constant",
    )
    work = results.work(__name__, key, settings)
    stopwatch = Stopwatch(work / "seconds")
    found = prune(network, dataset, method, target, config, work, stopwatch.note).pruned
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
        "commit": commit_of_source(),
    }
    results.put(__name__, key, settings, result)
    return result


def _accuracy_with(weights: Mapping[str, Tensor], network: nn.Module, split: Split) -> float | None:
    """Of the network with other weights in some layers; None without any."""
    if not weights:
        return None
    changed = copy.deepcopy(network)
    with torch.no_grad():
        for name, values in weights.items():
            changed.get_parameter(f"{name}.weight").copy_(values)
    return accuracy(changed, split)


def _provenance(recipe: Recipe, seed: int) -> dict[str, Any]:
    return {"data": recipe.data, "network": recipe.network, "seed": seed, "benchmark": recipe.name}


def _dense(recipe: Recipe, seed: int, results: Results) -> nn.Module:
    network = build_network(recipe.network, seed)
    network.load_state_dict(load_file(_dense_path(recipe, seed, results)))
    return network


def _dense_path(recipe: Recipe, seed: int, results: Results) -> Path:
    work = results.work(__name__, f"{recipe.name}-seed{seed}-dense", _dense_settings(recipe))
    return work / "dense.safetensors"


def _dense_settings(recipe: Recipe) -> dict[str, Any]:
    about = {"network": recipe.network, "data": recipe.data, "train_images": recipe.train_images}
    return {**recipe.document["train"], **about}


def _dense_accuracy(recipe: Recipe, seed: int, results: Results) -> float:
    """On the test images, as ``train_dense`` kept it."""
    found = results.get(__name__, f"{recipe.name}-seed{seed}-dense", _dense_settings(recipe)) or {}
    return float(found["test_accuracy"])


def _settings(recipe: Recipe) -> dict[str, Any]:
    return {name: value for name, value in asdict(recipe).items() if name != "seeds"}
