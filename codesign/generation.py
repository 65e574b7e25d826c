"""Which array `codesign generate` emits: a preset, or one whose banks just hold a model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from codesign.network_array import LayerLoad
from codesign.stages.array import accumulator_bits_of
from compress.errors import CodesignError
from compress.layer import LayerKind
from compress.model import CompressedModel
from rtl.config import ArrayConfig
from rtl.indexformats import parse_index
from rtl.presets import preset
from sim.geometry import ConvGeometry
from sim.pack import pack
from sim.plan import Depths, plan_layer

__all__ = ["ArrayOptions", "array_to_generate"]


@dataclass(frozen=True)
class ArrayOptions:
    """What the command line says of the array; None where it says nothing."""

    rows: int | None = None
    lanes: int | None = None
    index: str | None = None
    requant_lanes: int | None = None

    def over(self, config: ArrayConfig) -> ArrayConfig:
        """``config`` with what was said laid over it."""
        said = {name: value for name, value in vars(self).items() if value is not None}
        if self.index is not None:
            said["index"] = parse_index(self.index)
        return config.replace(**said)


def array_to_generate(
    network: CompressedModel | None, preset_name: str | None, options: ArrayOptions, linear_batch: int
) -> ArrayConfig:
    """A preset's array, or the default one with banks for ``network``; a network must fit either."""
    if preset_name is not None:
        config = options.over(preset(preset_name))
    elif network is not None:
        config = _holding(network, options, linear_batch)
    else:
        raise CodesignError("neither a model nor a preset is given", "give MODEL, or --preset; see --help")
    for layer in network.layers if network is not None else ():
        pack(layer, config, _batch(layer.kind, linear_batch))  # refuses groups and whatever else does not fit
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
        load = LayerLoad(layer.name, ConvGeometry.of(layer), layer.levels != 0, _batch(layer.kind, linear_batch))
        plan = plan_layer(
            load.mask, load.geometry, wanted.rows, wanted.lanes, wanted.index, load.batch, wanted.weight_bits
        )
        depths.append(plan.depths)
    return wanted.replace(**vars(reduce(Depths.largest, depths)))


def _batch(kind: LayerKind, linear_batch: int) -> int:
    return linear_batch if kind is LayerKind.LINEAR else 1
