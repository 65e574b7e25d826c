"""Which format a layer wants."""

from __future__ import annotations

import pytest

from flows.search.formats import FormatCost, format_costs, quickest
from rtl.formats.registry import parse_index
from sim.mapping.cycles import Chain
from sim.mapping.schedule import make_schedule
from tests.flows.search.layers import LAYER, REFERENCE, pruned

SPARSE = REFERENCE.with_index(parse_index("fixed4"))
FORMATS = [parse_index(text) for text in ("fixed2", "fixed6", "bitmap8", "nm1of4", "decompress")]


def test_costs_are_those_of_the_layers_schedule_whatever_the_banks_hold() -> None:
    load = pruned(0.75)
    costs = format_costs(load, SPARSE.replace(weight_depth=2, table_depth=2), FORMATS)
    assert set(costs) == {"fixed2", "fixed6", "bitmap8", "decompress"}  # some four weights keep more than one
    for name, cost in costs.items():
        array = SPARSE.with_index(parse_index(name)).replace(weight_depth=4096, table_depth=4096)
        schedule = make_schedule(load.name, load.mask, load.geometry, array, load.batch)
        assert cost == FormatCost(schedule.cycles(Chain.of(array)), schedule.weight_words * array.word_bits)


@pytest.mark.parametrize(("portion", "expected"), [(0.0, {"decompress", "bitmap8"}), (0.98, {"fixed6"})])
def test_where_weights_are_far_apart_long_gaps_win(portion: float, expected: set[str]) -> None:
    load = LAYER if not portion else pruned(portion)
    assert quickest(format_costs(load, SPARSE, FORMATS)) in expected


def test_of_equally_quick_formats_the_smallest_wins() -> None:
    costs = {"fixed8": FormatCost(1000, 1600), "rice7": FormatCost(1004, 1300), "bitmap8": FormatCost(1006, 900)}
    assert quickest(costs) == "rice7"
