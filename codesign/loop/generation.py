"""Which array `codesign generate` emits: a preset, the one that a run chose, or one whose banks just hold a model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from codesign.settings.hardware import accumulator_bits_of, codes_of, samples_at_a_time
from compress.base.errors import CodesignError
from compress.base.files import read_text
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer
from rtl.config import MAX_POWER_BITS, ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.dense_zeros import DenseZeros
from rtl.formats.registry import parse_index
from rtl.presets import preset
from sim.makespan.layer_runs import layer_runs
from sim.makespan.makespan import Makespan, makespan
from sim.mapping.cycles import Chain
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.plan import Depths
from sim.mapping.schedule import Schedule, group_schedule
from sim.mapping.tiles import Tiling, tile_layer

__all__ = ["ArrayOptions", "ArrayToGenerate", "array_and_cycles", "array_to_generate"]

CHOICE = "array_choice.json"
"""What a run's array stage leaves beside its model."""

_CHAIN_MAY_COST = 1.01
"""Cycles over those with a requantizer a lane and the deepest chain; the fewest of both within it are taken."""

_CHAIN_DEPTHS = (1, 2, 4)

_BANKS = ("weight_depth", "activation_depth")

_DETAILS = ("multipliers", "aligner_stages", "stream_bits", "buffers")
"""Options that change no result, and the cycles of a layer by one at most."""


@dataclass(frozen=True)
class ArrayOptions:
    """The array options of the command line, depths in words of a bank; None where an option is not given."""

    rows: int | None = None
    lanes: int | None = None
    index: str | None = None
    requant_lanes: int | None = None
    chain_depth: int | None = None
    subarrays: int | None = None
    weight_depth: int | None = None
    activation_depth: int | None = None
    multipliers: str | None = None
    aligner_stages: int | None = None
    stream_bits: int | None = None
    levels: str | None = None
    buffers: int | None = None

    def shaped(self, config: ArrayConfig) -> ArrayConfig:
        """``config`` with the given shape and format; dense rows are in lock-step unless a chain is asked for."""
        index = self.shapes.get("index", config.index)
        if self.chain_depth is None:
            config = config.with_index(index)
        if self.levels == "powers":
            config = config.replace(weight_bits=min(config.weight_bits, MAX_POWER_BITS))
        return config.replace(**self.shapes)

    @property
    def shapes(self) -> dict[str, Any]:
        """The given options of shape and format, as members of an ArrayConfig."""
        others = (*_BANKS, *_DETAILS)
        said = {name: value for name, value in vars(self).items() if value is not None and name not in others}
        return said if self.index is None else {**said, "index": parse_index(self.index)}

    def limited(self, config: ArrayConfig) -> ArrayConfig:
        """``config`` with no bank deeper than the given depths, and with the given details."""
        said = {name: getattr(self, name) for name in _DETAILS}
        config = config.replace(**{name: value for name, value in said.items() if value is not None})
        most = {bank: getattr(self, bank) for bank in _BANKS}
        return config.replace(**{bank: min(getattr(config, bank), words) for bank, words in most.items() if words})


@dataclass(frozen=True)
class ArrayToGenerate:
    """An array, where its shape is from, and a model's cycles on it.

    Members
    -------
    cycles : dict
        By layer, for one batch of that layer, without loads.
    loaded : Makespan, optional
        Of one batch of each layer, one after the other, all loaded as soon as the array takes it, a beat a cycle.
    """

    config: ArrayConfig
    origin: str
    cycles: dict[str, int]
    loaded: Makespan | None = None


def array_and_cycles(
    network: CompressedModel | None,
    preset_name: str | None,
    options: ArrayOptions,
    linear_batch: int,
    folder: Path | None = None,
) -> ArrayToGenerate:
    """A preset's array; else the one that the run in ``folder`` chose; else the default one with banks for ``network``.

    The run's choice is taken where ``options`` say nothing of shape and format, and where it is for this network: the
    cycle model finds the cycles that the run wrote down. A network must fit the array, if need be in parts.
    """
    if preset_name is not None:
        config, origin = _for_levels(options.shaped(preset(preset_name)), network), f"preset {preset_name}"
    elif network is None:
        raise CodesignError("neither a model nor a preset is given", "give MODEL, or --preset; see --help")
    else:
        chosen = None if options.shapes or folder is None else _chosen_by_run(network, folder / CHOICE, linear_batch)
        config = chosen or _holding(network, options, linear_batch)
        origin = f"{folder}: the array that its run chose" if chosen else "banks that just hold the model"
    config = options.limited(config)
    if network is None:
        return ArrayToGenerate(config, origin, {})
    tilings = _tilings(network, config, linear_batch)
    runs = [run for tiling in tilings.values() for run in layer_runs(tiling.schedule, config)]
    return ArrayToGenerate(config, origin, _cycles(tilings), makespan(config, runs))


def array_to_generate(
    network: CompressedModel | None, preset_name: str | None, options: ArrayOptions, linear_batch: int
) -> ArrayConfig:
    """The array alone, without a look at what a run chose."""
    return array_and_cycles(network, preset_name, options, linear_batch).config


def _tilings(network: CompressedModel, config: ArrayConfig, linear_batch: int) -> dict[str, Tiling]:
    """By layer; CodesignError for what does not fit even in parts."""
    return {
        layer.name: tile_layer(layer, config, samples_at_a_time(layer.kind, linear_batch)) for layer in network.layers
    }


def _cycles(tilings: dict[str, Tiling]) -> dict[str, int]:
    return {name: tiling.cycles for name, tiling in tilings.items()}


def _chosen_by_run(network: CompressedModel, path: Path, linear_batch: int) -> ArrayConfig | None:
    """The array of a run's record, None where there is none or it is another network's."""
    try:
        chosen = json.loads(read_text(path))["chosen"]
        config = ArrayConfig.from_dict(chosen["config"])
        return config if _cycles(_tilings(network, config, linear_batch)) == chosen["cycles"] else None
    except (CodesignError, OSError, ValueError, KeyError, TypeError):
        return None


def _for_levels(config: ArrayConfig, network: CompressedModel | None) -> ArrayConfig:
    """``config``, of a dense one the format that stores zeros where the network has pruned weights."""
    pruned = network is not None and any((layer.levels == 0).any() for layer in network.layers)
    return config.replace(index=DenseZeros()) if pruned and isinstance(config.index, Dense) else config


def _holding(network: CompressedModel, options: ArrayOptions, linear_batch: int) -> ArrayConfig:
    """The default shape where nothing else is said, a chain that is no hold-up, banks for every layer as a whole."""
    wanted = ArrayConfig(
        rows=4,
        lanes=8,
        **codes_of(network, options.levels),
        act_bits=network.layers[0].act_bits,
        acc_bits=accumulator_bits_of(network),
    )
    wanted = _for_levels(options.shaped(wanted), network)
    wanted = wanted.replace(**_chain(network, wanted, options, linear_batch))
    depths = (_schedule(layer, wanted, linear_batch).depths for layer in network.layers)
    return wanted.replace(**vars(reduce(Depths.largest, depths)))


def _schedule(layer: CompressedLayer, config: ArrayConfig, linear_batch: int) -> Schedule:
    batch = samples_at_a_time(layer.kind, linear_batch)
    return group_schedule(layer.levels != 0, ArrayGeometry.of(layer), config, batch, even=True)


def _chain(network: CompressedModel, config: ArrayConfig, options: ArrayOptions, linear_batch: int) -> dict[str, int]:
    """The fewest requantizers, then the shallowest chain, that hardly hold the rows up; what is given stays.

    Of the numbers of requantizers that leave the array the pooling it has with one. Layers are weighted as a sample
    meets them.
    """
    geometries = [ArrayGeometry.of(layer) for layer in network.layers]
    schedules = [_schedule(layer, config, linear_batch) for layer in network.layers]
    batches = [samples_at_a_time(layer.kind, linear_batch) for layer in network.layers]
    counts = [options.requant_lanes] if options.requant_lanes else _pooling_counts(geometries, config.lanes)
    given = options.chain_depth is not None or config.lockstep
    depths = [config.chain_depth] if given else _CHAIN_DEPTHS
    cycles = {
        (count, depth): sum(
            schedule.cycles(Chain(config.lanes // count, depth)) / batch
            for schedule, batch in zip(schedules, batches, strict=True)
        )
        for count in counts
        for depth in depths
    }
    enough = _CHAIN_MAY_COST * min(cycles.values())
    requant_lanes, chain_depth = min(chain for chain, each in cycles.items() if each <= enough)
    return {"requant_lanes": requant_lanes, "chain_depth": chain_depth}


def _pooling_counts(geometries: list[ArrayGeometry], lanes: int) -> list[int]:
    return [
        count
        for count in range(1, lanes + 1)
        if lanes % count == 0 and all(each.on(lanes, count) == each.on(lanes, 1) for each in geometries)
    ]
