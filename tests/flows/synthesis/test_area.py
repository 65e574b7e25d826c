from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.synthesis.area import _relevant, _source, least_logic_area, measure, measure_within, module_cost, sram_area
from flows.technology.sram import SramModel
from flows.technology.technology import generic_technology
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.dense_zeros import DenseZeros
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat
from rtl.formats.nm import NM
from rtl.formats.rice import Rice
from rtl.inventory import logic_modules, srams
from rtl.verilog import emit_rtlil

SMALL = ArrayConfig(rows=2, lanes=2, weight_bits=4, act_bits=4, acc_bits=16, weight_depth=32, activation_depth=16)
GENERIC = generic_technology()

configs = st.builds(
    lambda rows, lanes, requant, index, weights, activations, table, biases: ArrayConfig(
        rows=rows,
        lanes=lanes * requant,
        requant_lanes=requant,
        index=index,
        weight_depth=weights,
        activation_depth=2 * activations,
        table_depth=table,
        bias_depth=biases,
        chain_depth=0 if index == DenseZeros() else 1,
    ),
    st.integers(1, 20),
    st.integers(1, 6),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([Dense(), DenseZeros(), Fixed(3), Rice(4), NM(2, 4)]),
    st.integers(2, 5000),
    st.integers(2, 700),
    st.integers(2, 600),
    st.integers(2, 300),
)


@settings(max_examples=15)
@given(configs)
def test_a_module_is_made_from_the_sizes_it_knows_and_no_others(config: ArrayConfig) -> None:
    for use in logic_modules(config):
        assert _source(use.name, _relevant(config, use.name)) == emit_rtlil(use.component, use.name)


def test_a_size_wrongly_left_out_is_seen() -> None:
    other = SMALL.replace(lanes=4)
    assert _source("aligner", _relevant(SMALL, "aligner")) != _source("aligner", _relevant(other, "aligner"))


def test_the_area_is_the_sum_of_the_inventory() -> None:
    measured = measure(SMALL, GENERIC)
    counts = {use.name: use.count for use in logic_modules(SMALL)}
    assert {module.name: module.count for module in measured.modules} == counts
    assert measured.logic_area == pytest.approx(sum(module.area * counts[module.name] for module in measured.modules))
    model = GENERIC.sram
    expected = sum(use.count * model.area(use.depth, use.width) for use in srams(SMALL))
    assert measured.sram_area == pytest.approx(expected)
    assert measured.sram_area == sram_area(SMALL, GENERIC)
    assert measured.area == measured.logic_area + measured.sram_area
    assert measured.clock_period == max(
        *(module.period for module in measured.modules), *(sram.period for sram in measured.srams)
    )


@pytest.mark.parametrize("index", [Dense(), Fixed(2), Rice(3)], ids=str)
@pytest.mark.parametrize("depths", [(2, 4, 2, 2), (300, 40, 20, 12), (5000, 600, 400, 100)])
def test_the_bound_on_the_logic_area_is_one_and_close(index: IndexFormat, depths: tuple[int, int, int, int]) -> None:
    names = ("weight_depth", "activation_depth", "table_depth", "bias_depth")
    config = SMALL.with_index(index).replace(lanes=4, **dict(zip(names, depths, strict=True)))
    area = measure(config, GENERIC).logic_area
    assert 0.6 * area < least_logic_area(config, GENERIC) <= area


def test_a_slow_memory_sets_the_clock_with_the_logic_behind_it() -> None:
    slow = replace(GENERIC, sram=SramModel(fo4=10.0))
    measured = measure(SMALL, slow)
    assert measured.critical in {use.name for use in srams(SMALL)}
    bank = next(memory for memory in measured.srams if memory.name == "activations")
    aligner = module_cost(SMALL, "aligner", slow)
    delay = aligner.period - slow.clk_to_q - slow.setup
    assert bank.period == pytest.approx(slow.sram.access_time(bank.depth, bank.width) + delay + slow.setup)


def test_more_pes_cost_more() -> None:
    assert measure(SMALL.replace(rows=3), GENERIC).area > measure(SMALL, GENERIC).area


def test_a_budget_is_kept_to_the_last_gate() -> None:
    area = measure(SMALL, GENERIC).area
    assert measure_within(SMALL, GENERIC, area) == measure(SMALL, GENERIC)
    assert measure_within(SMALL, GENERIC, area - 0.1) is None


def test_it_can_be_written_as_json() -> None:
    told = measure(SMALL, GENERIC).to_dict()
    assert told["area"] == told["logic_area"] + told["sram_area"]
    assert {"modules", "srams", "clock_period", "critical"} <= told.keys()
