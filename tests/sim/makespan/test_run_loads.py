"""What a run loads, from its plan, is what its packet carries."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from rtl.array.write_bus import Space
from rtl.config import STREAM_BITS
from rtl.formats.index_format import IndexFormat
from rtl.formats.registry import FORMATS
from sim.makespan.run_loads import run_segments, segment_beats
from sim.mapping.tiles import tile_layer
from sim.simulate.load_packets import START, load_packet
from tests.drawn import draw_activations, tiled_cases


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=5)
@given(data=st.data())
def test_a_plan_tells_the_words_and_beats_of_its_packet(kind: type[IndexFormat], data: st.DataObject) -> None:
    layer, config, batch = data.draw(tiled_cases(kind))
    config = config.replace(stream_bits=data.draw(st.sampled_from(STREAM_BITS)))
    spaces = data.draw(st.sets(st.sampled_from(Space), min_size=1))
    try:
        tiling = tile_layer(layer, config, batch)
    except CodesignError:  # larger than the array even in parts
        assume(False)
    activations = draw_activations(layer, batch, 0)
    for run in tiling.runs:
        moving = run.packed.activation_writes(tiling.inputs(run, activations))
        writes = [write for write in (*run.packed.static_writes(), *moving, START) if write.space in spaces]
        segments = run_segments(run.packed.plan, config, spaces)
        assert sum(segment.words for segment in segments) == len(writes)
        for space in spaces:
            counted = sum(segment.words for segment in segments if segment.space is space)
            assert counted == sum(write.space is space for write in writes)
        assert sum(segment_beats(config, segment) for segment in segments) == len(load_packet(config, writes))
