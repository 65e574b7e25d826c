"""Which array `codesign generate` emits: a preset, or one whose banks just hold a model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from codesign.loop.batches import samples_at_a_time
from codesign.loop.stages.array import accumulator_bits_of
from compress.base.errors import CodesignError
from compress.model.compressed_model import CompressedModel
from rtl.config import ArrayConfig
from rtl.formats.registry import parse_index
from rtl.presets import preset
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.plan import Depths
from sim.mapping.schedule import group_schedule
from sim.mapping.tiles import tile_layer

__all__ = ["ArrayOptions", "array_to_generate"]


@dataclass(frozen=True)
class ArrayOptions:
    """What the command line says of the array, depths as at most so many words; None where it says nothing."""

    rows: int | None = None
    lanes: int | None = None
    index: str | None = None
    requant_lanes: int | None = None
    weight_depth: int | None = None
    activation_depth: int | None = None

    def over(self, config: ArrayConfig) -> ArrayConfig:
        """``config`` with what was said laid over it."""
        said = {name: value for name, value in vars(self).items() if value is not None and not name.endswith("_depth")}
        if self.index is not None:
            said["index"] = parse_index(self.index)
        return config.replace(**said)

    def limited(self, config: ArrayConfig) -> ArrayConfig:
        """``config`` with no bank deeper than was said."""
        most = {"weight_depth": self.weight_depth, "activation_depth": self.activation_depth}
        return config.replace(**{bank: min(getattr(config, bank), words) for bank, words in most.items() if words})


def array_to_generate(
    network: CompressedModel | None, preset_name: str | None, options: ArrayOptions, linear_batch: int
) -> ArrayConfig:
    """A preset's array, or the default one with banks for ``network``; a network must fit either."""
    if preset_name is not None:
        config = options.limited(options.over(preset(preset_name)))
    elif network is not None:
        config = options.limited(_holding(network, options, linear_batch))
    else:
        raise CodesignError("neither a model nor a preset is given", "give MODEL, or --preset; see --help")
    for layer in network.layers if network is not None else ():
        batch = samples_at_a_time(layer.kind, linear_batch)
        tile_layer(layer, config, batch)  # refuses what does not fit even in parts
    return config


def _holding(network: CompressedModel, options: ArrayOptions, linear_batch: int) -> ArrayConfig:
    wanted = options.over(
        ArrayConfig(
            rows=4,
            lanes=8,
            weight_bits=max(layer.weight_bits for layer in network.layers),
            act_bits=network.layers[0].act_bits,
            acc_bits=accumulator_bits_of(network),
        )
    )
    depths = []
    for layer in network.layers:
        batch = samples_at_a_time(layer.kind, linear_batch)
        depths.append(group_schedule(layer.levels != 0, ArrayGeometry.of(layer), wanted, batch, even=True).depths)
    return wanted.replace(**vars(reduce(Depths.largest, depths)))
