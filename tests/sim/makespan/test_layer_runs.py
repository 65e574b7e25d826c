"""What a run leaves out of its load is what the run before left in the array."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from rtl.array.write_bus import Space
from rtl.formats.index_format import IndexFormat
from rtl.formats.registry import FORMATS
from sim.makespan.layer_runs import changed_spaces, layer_runs
from sim.mapping.cycles import Chain
from sim.mapping.tiles import PackedRun, Tiling, tile_layer
from tests.drawn import draw_activations, tiled_cases


def contents(tiling: Tiling, run: PackedRun, activations: Any) -> dict[Space, list[tuple[int, int, int]]]:
    writes = [*run.packed.static_writes(), *run.packed.activation_writes(tiling.inputs(run, activations))]
    return {space: [write[1:] for write in writes if write.space is space] for space in Space}


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=8)
@given(data=st.data())
def test_what_stays_is_equal_in_both_runs(kind: type[IndexFormat], data: st.DataObject) -> None:
    layer, config, batch = data.draw(tiled_cases(kind))
    try:
        tiling = tile_layer(layer, config, batch)
    except CodesignError:  # larger than the array even in parts
        assume(False)
    assume(len(tiling.runs) < 12)
    activations = draw_activations(layer, batch, 0)
    loaded = [contents(tiling, run, activations) for run in tiling.runs]
    for (one, other), (before, after) in zip(pairwise(tiling.schedule.runs), pairwise(loaded), strict=True):
        changes = changed_spaces(one, other)
        assert changes >= {Space.LAYER, Space.ROW, Space.COMMAND}
        for space in set(Space) - changes:
            assert before[space] == after[space]
    runs = list(layer_runs(tiling.schedule, config))
    assert sum(run.cycles for run in runs) == tiling.schedule.cycles(Chain.of(config))
