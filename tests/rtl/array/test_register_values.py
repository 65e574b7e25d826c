"""What a register may hold: each of its values fits, and all that the packer writes are among them."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from rtl.array.drain import layer_registers
from rtl.array.register_values import register_values
from rtl.array.write_bus import Space
from rtl.config import ArrayConfig
from rtl.formats.index_format import IndexFormat
from rtl.formats.registry import FORMATS
from rtl.widths import row_registers
from sim.mapping.tiles import tile_layer
from tests.drawn import tiled_cases


@pytest.mark.parametrize("kind", FORMATS)
def test_each_register_holds_its_legal_values(kind: type[IndexFormat]) -> None:
    config = ArrayConfig(
        rows=4, lanes=12, index=kind(), subarrays=4, weight_depth=300, table_depth=100, bias_depth=1 << 16
    )
    values = register_values(config)
    for space, layout in ((Space.LAYER, layer_registers(config)), (Space.ROW, row_registers(config))):
        assert list(values[space]) == [name for name, _ in layout]
        for name, field in layout:
            assert 0 <= values[space][name][0] <= values[space][name][-1] < 1 << field.width


def test_a_window_divides_a_block_of_lanes() -> None:
    layer = register_values(ArrayConfig(rows=1, lanes=24, requant_lanes=2))[Space.LAYER]
    assert list(layer["last_pixel"]) == [0, 1, 2, 3, 5, 11]


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=40)
@given(data=st.data())
def test_the_packer_writes_legal_values(kind: type[IndexFormat], data: st.DataObject) -> None:
    layer, config, batch = data.draw(tiled_cases(kind))
    values = {space: list(registers.values()) for space, registers in register_values(config).items()}
    try:
        tiling = tile_layer(layer, config, batch)
    except CodesignError:  # larger than the array even in parts
        assume(False)
        return
    for run in tiling.runs:
        for write in run.packed.static_writes():
            if write.space in values:
                assert write.data in values[write.space][write.address]
