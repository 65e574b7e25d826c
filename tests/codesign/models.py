"""A small model for digits, made by hand: one convolution and one linear layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from compress.model.compressed_model import CompressedModel
from compress.model.layer import LayerKind
from compress.model.pool import Pool, PoolKind
from tests.drawn import draw_levels, make_layer


def small_model(density: float = 0.5, **conv_members: Any) -> CompressedModel:
    """8x8 images to ten classes; ``conv_members`` replace members of the convolution."""
    conv = make_layer(
        draw_levels((4, 1, 3, 3), 4, density, seed=1),
        4,
        8,
        8,
        **{"name": "conv", "padding": (1, 1), "pool": Pool(PoolKind.MAX, (2, 2), (2, 2)), **conv_members},
    )
    features = int(np.prod(conv.output_shape))
    linear = make_layer(
        draw_levels((10, features, 1, 1), 4, density, seed=2),
        4,
        1,
        1,
        name="linear",
        kind=LayerKind.LINEAR,
        relu=False,
        act_bits=conv.act_bits,
    )
    return CompressedModel.chain((conv, linear), {"data": "digits", "seed": 0})


def powers_model(weight_bits: int) -> CompressedModel:
    """The small model with levels that are powers of two up to the largest of ``weight_bits``."""
    layers = [
        replace(layer, weight_bits=weight_bits, levels=draw_levels(layer.levels.shape, weight_bits, 0.5, 3, True))
        for layer in small_model().layers
    ]
    return CompressedModel.chain(tuple(layers), {"data": "digits", "seed": 0})


def grouped_model() -> CompressedModel:
    """One convolution of two groups."""
    return CompressedModel.chain(
        (make_layer(draw_levels((4, 1, 3, 3), 4, 1.0, seed=3), 4, 8, 8, input_shape=(2, 8, 8), groups=2),)
    )
