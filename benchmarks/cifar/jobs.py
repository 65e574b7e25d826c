"""One process's share of the CIFAR-10 benchmark: prune a step's network, quantize it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from benchmarks.cifar.dense import dataset, dense_network
from benchmarks.cifar.recipes import NETWORK, SEED, Step
from benchmarks.cifar.trained import TrainedNetworks
from benchmarks.results import Stopwatch
from codesign.settings.compression import prune_network, quantize_network
from compress.base.errors import CodesignError
from compress.methods.post_training import levels_of
from compress.methods.quantize import QuantizeResult
from compress.networks.fold import fold_batch_norms
from compress.networks.layers import prunable_layers
from compress.networks.registry import build_network
from compress.train.training import accuracy

__all__ = ["Chain"]


@dataclass(frozen=True)
class Chain:
    """The steps, each of which starts from another's pruned network, and where their networks are kept."""

    steps: Mapping[str, Step]
    networks: TrainedNetworks

    def train(self, kind: str, name: str) -> dict[str, Any]:
        """Prune or quantize, unless it is done; the facts about it."""
        torch.set_num_threads(1)
        settings = self._settings(kind, name)
        if (found := self.networks.get(_key(kind, name), settings)) is not None:
            return found
        made, facts = {"prune": self._prune, "quantize": self._quantize}[kind](name, settings)
        self.networks.put(_key(kind, name), settings, made, facts)
        return facts

    def pruned(self, name: str) -> nn.Module:
        """The pruned network of a step."""
        network = build_network(NETWORK, 0)
        network.load_state_dict(self.networks.weights(_key("prune", name), self._settings("prune", name)))
        return network.eval()

    def quantized(self, name: str) -> tuple[nn.Module, QuantizeResult]:
        """The quantized network of a step, batch norms folded, and its levels."""
        facts = self.facts("quantize", name)
        network = fold_batch_norms(build_network(NETWORK, 0), dataset().input_shape)
        network.load_state_dict(self.networks.weights(_key("quantize", name), self._settings("quantize", name)))
        return network.eval(), levels_of(network, facts["intervals"], facts["bits"])

    def is_trained(self, kind: str, name: str) -> bool:
        """Whether the network is there."""
        return self.networks.get(_key(kind, name), self._settings(kind, name)) is not None

    def facts(self, kind: str, name: str) -> dict[str, Any]:
        """What is known of a network that is trained; a CodesignError if it is not."""
        found = self.networks.get(_key(kind, name), self._settings(kind, name))
        if found is None:
            raise CodesignError(f"{kind} {name} is not trained yet", "run the benchmark without --measure-only")
        return found

    def _prune(self, name: str, settings: Any) -> tuple[nn.Module, dict[str, Any]]:
        step, section = self.steps[name], self.steps[name].section
        work = self.networks.work(_key("prune", name), settings)
        stopwatch = Stopwatch(work / "seconds")
        start = dense_network() if step.after is None else self.pruned(step.after)
        network, outcome = prune_network(
            start, dataset(), section.method, section.target(), section.prune, work, stopwatch.note
        )
        found = outcome.pruned
        return network, {
            **_measured(network),
            "admm": [asdict(record) for record in found.history],
            "retraining": [asdict(record) for record in found.retraining],
            "seconds": stopwatch.seconds,
        }

    def _quantize(self, name: str, settings: Any) -> tuple[nn.Module, dict[str, Any]]:
        section, pruned = self.steps[name].section, self.pruned(name)
        work = self.networks.work(_key("quantize", name), settings)
        stopwatch = Stopwatch(work / "seconds")
        bits = {layer: section.layer_bits.get(layer, section.weight_bits) for layer in prunable_layers(pruned)}
        network, found = quantize_network(pruned, dataset(), section.values, bits, {}, work, stopwatch.note)
        return network, {
            **_measured(network),
            "intervals": found.intervals,
            "bits": found.weight_bits,
            "admm": [asdict(record) for record in found.history],
            "retraining": [asdict(record) for record in found.retraining],
            "seconds": stopwatch.seconds,
        }

    def _settings(self, kind: str, name: str) -> Any:
        """What the network depends on: a quantized one on its pruning, a pruned one on the steps before."""
        step = self.steps[name]
        mine = {"seed": SEED, **{key: step.compress[key] for key in _KEYS[kind] if key in step.compress}}
        if kind == "quantize":
            return [mine, self._settings("prune", name)]
        return [mine] if step.after is None else [mine, self._settings("prune", step.after)]


_KEYS = {
    "prune": ("method", "scope", "schedule", "ratio", "prune"),
    "quantize": ("set", "weight_bits", "layer_bits", "quantize"),
}


def _key(kind: str, name: str) -> str:
    return f"{kind}-{name.rstrip('%')}"


def _measured(network: nn.Module) -> dict[str, Any]:
    layers = prunable_layers(network)
    data = dataset()
    return {
        "weights": sum(layer.weight.numel() for layer in layers.values()),
        "kept": {name: int(layer.weight.count_nonzero()) for name, layer in layers.items()},
        "validation_accuracy": accuracy(network, data.validation),
        "float_test_accuracy": accuracy(network, data.test),
    }
