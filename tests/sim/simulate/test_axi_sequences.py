"""Sequences that the load stream starts, on the Verilog: golden results, and the model's makespan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compress.base.errors import CodesignError
from rtl.array.write_bus import Space
from rtl.config import ArrayConfig
from rtl.formats.fixed import Fixed
from rtl.names import ACCELERATOR
from sim.mapping.pack import pack
from sim.simulate.build import BuiltArray, build_array
from sim.simulate.runner import Stalls
from sim.simulate.simulator import find_simulator
from tests.drawn import draw_activations, draw_levels, make_layer
from tests.sequences import Step, predicted
from tests.sim.simulate.test_axi_bench import run_bench

CONFIG = ArrayConfig(2, 4, 4, index=Fixed(3), weight_depth=128, activation_depth=64, table_depth=64, buffers=2)
STALLS = [Stalls(), Stalls(writes=0.5, seed=1), Stalls(0.3, 0.7, 2)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuiltArray:
    try:
        find_simulator()
    except CodesignError as error:
        pytest.skip(error.cause)
    return build_array(CONFIG, tmp_path_factory.mktemp("accelerator"), top=ACCELERATOR)


def sequence() -> list[Step]:
    """Two layers in turn, and one of them again with other activations alone."""
    layers = [make_layer(draw_levels((filters, 3, 3, 3), 4, 0.5, filters), 4, 5, 6) for filters in (4, 6)]
    packed = [pack(layer, CONFIG) for layer in layers]
    steps = [Step(packed[n % 2], draw_activations(layers[n % 2], 1, n)) for n in range(4)]
    again = frozenset([Space.ACTIVATION, Space.COMMAND])
    return [*steps, Step(packed[1], draw_activations(layers[1], 1, 9), again)]


def test_the_makespan_is_the_models_and_stalls_change_no_result(built: BuiltArray, tmp_path: Path) -> None:
    steps = sequence()
    writes = [write for step in steps for write in step.writes]
    job = [(CONFIG, writes, len(steps), stalls) for stalls in STALLS]
    free, gaps, both = run_bench(built, "tests.sim.simulate.axi_sequences", job, tmp_path)
    for answer in (free, gaps, both):
        assert (answer["status"], answer["counters"]["RUNS"]) == (0b11, len(steps))
        for step, beats in zip(steps, answer["beats"], strict=True):
            np.testing.assert_array_equal(step.packed.unpack_results(beats), step.packed.answer(step.activations))
    count = predicted(steps)
    assert (free["counters"]["TOTAL_CYCLES"], free["counters"]["BUSY_CYCLES"]) == (count.total, count.busy)
    assert gaps["counters"]["BUSY_CYCLES"] == count.busy
    assert min(gaps["counters"]["TOTAL_CYCLES"], both["counters"]["TOTAL_CYCLES"]) > count.total
