"""What a run file says about single layers, and whether it fits the network: known before anything is trained."""

from __future__ import annotations

from math import prod

from codesign.settings.data import Data
from codesign.settings.layers import GivenAlphas, WeightBits
from codesign.settings.run_config import RunConfig
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset
from compress.lowering.integerize import check_captured
from compress.lowering.lower import check_operations
from compress.methods.presets import PRESETS, Preset, preset
from compress.methods.registry import VALUE_SETS
from compress.networks.capture.capture import capture
from compress.networks.capture.captured import CapturedNetwork
from compress.networks.fold import fold_batch_norms
from compress.networks.registry import NETWORKS, build_network

__all__ = ["array_bits_of", "bits_of", "check_run", "given_alphas_of"]


def bits_of(config: RunConfig) -> WeightBits:
    """Bits of the levels, as the run file and its preset give them."""
    settings, chosen = config.compress, _preset(config)
    return WeightBits(settings.weight_bits, {} if chosen is None else chosen.weight_bits, settings.layer_bits)


def array_bits_of(config: RunConfig) -> WeightBits:
    """Bits that the array needs for these levels: those of the set of values that weights end in."""
    bits, level_bits = bits_of(config), VALUE_SETS[config.compress.set].level_bits
    preset, layers = ({name: level_bits(count) for name, count in some.items()} for some in (bits.preset, bits.layers))
    return WeightBits(level_bits(bits.every), preset, layers)


def given_alphas_of(config: RunConfig) -> GivenAlphas | None:
    """Alphas where the run file gives them, itself or by a preset; None where they are searched."""
    settings, chosen = config.compress, _preset(config)
    if (target := settings.fixed_target) is not None:
        return GivenAlphas(target, layers=settings.alpha or {}, whole=True)
    if chosen is not None:
        changed = f"; given for {', '.join(settings.alpha)}" if settings.alpha else ""
        source = f"preset {settings.preset} ({chosen.source}){changed}"
        return GivenAlphas(source, chosen.alphas, settings.alpha or {})
    return None if settings.alpha is None else GivenAlphas("given", layers=settings.alpha)


def check_run(config: RunConfig) -> None:
    """Raise a CodesignError where data, alphas, bits or preset do not fit the network.

    Also where the network has an operation that no integer graph has, or computes other numbers than its capture.
    """
    dataset = Data.of_run(config).load()
    network = build_network(config.network.name, config.seed, config.network.module_folder)
    folded = fold_batch_norms(network, dataset.input_shape)
    captured = capture(folded, dataset.input_shape)
    check_operations(captured)
    check_captured(folded, captured, dataset.train.images)
    layers = [layer.geometry for layer in captured.layers.values()]
    bits_of(config).of(layers)
    given = given_alphas_of(config)
    if given is not None:
        given.of(layers)
    if dataset.task.classes:
        _check_classes(captured, dataset)


def _check_classes(captured: CapturedNetwork, dataset: Dataset) -> None:
    (last,) = (call for call in captured.calls if call.name == captured.answer)
    outputs, largest = prod(last.shape), int(dataset.train.labels.max())
    if largest >= outputs:
        raise CodesignError(
            f"the network has {outputs} outputs, {dataset.name} has labels up to {largest}",
            f"give {last.name!r} an output for each class",
        )


def _preset(config: RunConfig) -> Preset | None:
    """The run's preset, which must be for its network, or for one of the user's with the same layers."""
    name, network = config.compress.preset, config.network.name
    if name is None:
        return None
    chosen = preset(name)
    if network in NETWORKS and network != chosen.network:
        fitting = ", ".join(key for key, other in PRESETS.items() if other.network == network) or "none"
        raise CodesignError(
            f"preset {name!r} is for {chosen.network!r}, not for {network!r}", f"presets for {network}: {fitting}"
        )
    return chosen
