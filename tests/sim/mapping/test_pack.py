"""The packer's refusals, and its writes where the array does not say so itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.layer import CompressedLayer
from rtl.array.write_bus import Space, data_bits, write_address_bits
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.registry import FORMATS
from sim.mapping.pack import pack
from tests.drawn import draw_activations, draw_levels, layers, layers_and_arrays, make_layer

ARRAY = ArrayConfig(rows=2, lanes=4, weight_bits=4)
LAYER = make_layer(draw_levels((3, 4, 3, 3), 4, 0.5, 1), 4, 6, 6)


@pytest.mark.parametrize(
    ("layer", "array", "message"),
    [
        (
            replace(
                LAYER,
                groups=2,
                input_shape=(8, 6, 6),
                levels=draw_levels((4, 4, 3, 3), 4, 0.5, 1),
                bias=np.zeros(4, np.int32),
            ),
            ARRAY,
            "groups",
        ),
        (LAYER, ARRAY.replace(weight_bits=3), "4-bit levels"),
        (LAYER, ARRAY.replace(levels="powers", weight_bits=4), "which is not a power of two"),
        (
            replace(LAYER, levels=draw_levels(LAYER.levels.shape, 4, 1.0, 1, powers=True)),
            ARRAY.replace(levels="powers", weight_bits=2),
            "3-bit levels",
        ),
        (LAYER, ARRAY.replace(act_bits=6), "8-bit activations"),
        (LAYER, ARRAY.replace(acc_bits=12), "accumulators"),
        (LAYER, ARRAY.replace(weight_depth=8), "weight_depth 8 <"),
        (LAYER, ARRAY.replace(bias_depth=2), "bias_depth 2 < 3"),
        (LAYER, ARRAY.replace(index=Dense()), "pruned"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_layer_that_does_not_fit_is_refused(layer: CompressedLayer, array: ArrayConfig, message: str) -> None:
    with pytest.raises(CodesignError, match=message):
        pack(layer, array)


def test_inputs_of_another_batch_are_refused() -> None:
    with pytest.raises(CodesignError, match="packed for inputs"):
        list(pack(LAYER, ARRAY, 2).activation_writes(draw_activations(LAYER, 3, 0)))


@given(st.data())
def test_every_write_fits_its_port_and_hits_each_address_once(data: st.DataObject) -> None:
    layer, config = data.draw(st.sampled_from(FORMATS).flatmap(layers_and_arrays))
    packed = pack(layer, config)
    writes = [*packed.static_writes(), *packed.activation_writes(draw_activations(layer, 1, 0))]
    places = [(write.space, write.row, write.address) for write in writes]
    assert len(set(places)) == len(places)
    depth = {
        Space.WEIGHT: config.weight_depth,
        Space.TABLE: config.table_depth,
        Space.ACTIVATION: config.activation_depth,
        Space.BIAS: config.bias_depth,
    }
    for write in writes:
        assert 0 <= write.data < 1 << data_bits(config)
        assert 0 <= write.row < config.rows
        assert 0 <= write.address < min(depth.get(write.space, 8), 1 << write_address_bits(config))


@given(layers(), st.integers(0, 99))
def test_the_accumulator_bits_it_asks_for_are_enough(layer: CompressedLayer, seed: int) -> None:
    try:
        pack(
            layer,
            ArrayConfig(
                rows=1, lanes=2, act_bits=layer.act_bits, acc_bits=12, weight_depth=4096, activation_depth=1024
            ),
        )
    except CodesignError as error:
        if "acc_bits" in error.next_step:
            needed = int(error.next_step.split("=")[1])
            config = ArrayConfig(
                1, 2, act_bits=layer.act_bits, acc_bits=needed, weight_depth=4096, activation_depth=1024
            )
            pack(layer, config)
            with pytest.raises(CodesignError, match="accumulators"):
                pack(layer, config.replace(acc_bits=needed - 1))
