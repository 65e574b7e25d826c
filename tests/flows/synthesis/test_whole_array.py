"""The sum of the modules against the array synthesized whole: logic, flip-flops, and the clock with its broadcasts."""

from __future__ import annotations

import pytest

from flows.synthesis.area import broadcast_delay, measure
from flows.synthesis.whole_array import synthesize_whole
from flows.technology.technology import generic_technology
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat

SMALL = ArrayConfig(rows=2, lanes=8, acc_bits=22, weight_depth=512, activation_depth=64, table_depth=64)


@pytest.mark.parametrize("index", [Fixed(4), Dense()], ids=str)
def test_modules_add_up_to_the_whole_array_and_its_clock(index: IndexFormat) -> None:
    config, technology = SMALL.with_index(index), generic_technology()
    whole, parts = synthesize_whole(config, technology), measure(config, technology)
    assert whole.flip_flops == sum(module.flip_flops * module.count for module in parts.modules)
    assert 0.92 * parts.logic_area < whole.logic_area < 1.02 * parts.logic_area  # modules are sized one by one
    assert whole.clock_period >= whole.logic_period
    assert whole.clock_period == pytest.approx(parts.clock_period, rel=0.03)


def test_a_broadcast_takes_longer_to_more_lanes_and_none_to_other_modules() -> None:
    technology = generic_technology()
    sparse = [broadcast_delay(SMALL.replace(lanes=lanes), "pe", technology) for lanes in (1, 8, 64)]
    assert 0 == sparse[0] < sparse[1] < sparse[2]
    dense = SMALL.with_index(Dense())
    assert broadcast_delay(dense.replace(rows=8), "lockstep_pe", technology) > broadcast_delay(
        dense, "lockstep_pe", technology
    )
    assert broadcast_delay(SMALL, "aligner", technology) == 0
