"""Small layers and arrays, on which a search can be compared with brute force."""

from __future__ import annotations

from flows.search.layer_load import LayerLoad, RandomMasks
from flows.search.shapes import candidate_shapes
from flows.technology.technology import generic_technology
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from sim.mapping.geometry import ArrayGeometry

GENERIC = generic_technology()
LAYER = LayerLoad.unpruned("conv", ArrayGeometry((8, 4, 3, 3), (4, 4, 4), padding=(1, 1)))
MASKS = RandomMasks(LAYER.geometry.weight_shape)
REFERENCE = ArrayConfig(rows=2, lanes=4, index=Dense(), weight_bits=4, act_bits=4, acc_bits=16)
SHAPES = candidate_shapes(max_rows=3, lanes=(1, 2, 4))


def pruned(portion: float) -> LayerLoad:
    """``LAYER`` without that portion of its weights."""
    return LAYER.pruned(MASKS(portion))
