"""Small layers and arrays, on which a search can be compared with brute force."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flows.search.layer_load import LayerLoad, Mask
from flows.search.shapes import candidate_shapes
from flows.technology.technology import generic_technology
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from sim.mapping.geometry import ArrayGeometry


@dataclass(frozen=True)
class RandomMasks:
    """Masks that prune weights in a random order, so that a larger portion prunes a superset."""

    weight_shape: tuple[int, int, int, int]
    seed: int = 0

    def __call__(self, pruned_portion: float) -> Mask:
        """All but round(portion * weights) weights are kept."""
        weights = int(np.prod(self.weight_shape))
        order = np.random.default_rng(self.seed).permutation(weights)
        mask = np.ones(weights, np.bool_)
        mask[order[: round(pruned_portion * weights)]] = False
        return mask.reshape(self.weight_shape)


GENERIC = generic_technology()
LAYER = LayerLoad.unpruned("conv", ArrayGeometry((8, 4, 3, 3), (4, 4, 4), padding=(1, 1)))
MASKS = RandomMasks(LAYER.geometry.weight_shape)
REFERENCE = ArrayConfig(rows=2, lanes=4, index=Dense(), weight_bits=4, act_bits=4, acc_bits=16, chain_depth=0)
SHAPES = candidate_shapes(max_rows=3, lanes=(1, 2, 4))


def pruned(portion: float) -> LayerLoad:
    """``LAYER`` without that portion of its weights."""
    return LAYER.pruned(MASKS(portion))
