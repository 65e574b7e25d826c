"""The makespan of a sequence is the accelerator's own count, and what it promises holds whatever the ports do."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.array.write_bus import Space
from rtl.config import ArrayConfig
from rtl.formats.dense_zeros import DenseZeros
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat
from rtl.formats.registry import FORMATS
from sim.makespan.makespan import LoadedRun, Makespan, makespan
from sim.makespan.run_loads import Segment
from sim.mapping.pack import pack
from tests.drawn import draw_activations, draw_levels, make_layer
from tests.sequences import Gaps, Outcome, Step, predicted, run_steps, sequences

DONE_AND_LOADED = 0b11


def check_results(steps: list[Step], outcome: Outcome) -> None:
    for step, results in zip(steps, outcome.results(steps), strict=True):
        np.testing.assert_array_equal(results, step.packed.answer(step.activations))
    counters = outcome.counters
    assert (counters["IRQ_STATUS"], counters["STATUS"], counters["RUNS"]) == (DONE_AND_LOADED, 0, len(steps))
    assert counters["RESULT_BEATS"] == steps[-1].packed.result_beats


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=2)
@given(data=st.data())
def test_the_model_equals_the_counters(kind: type[IndexFormat], data: st.DataObject) -> None:
    steps = data.draw(sequences(kind))
    rate = data.draw(st.just(Fraction(1)) | st.builds(Fraction, st.integers(1, 3), st.integers(3, 6)))
    outcome = run_steps(steps, data.draw(st.booleans()), Gaps(rate))
    check_results(steps, outcome)
    count = predicted(steps, rate)
    assert (outcome.counters["TOTAL_CYCLES"], outcome.counters["BUSY_CYCLES"]) == (count.total, count.busy)


@settings(max_examples=3)
@given(st.sampled_from(FORMATS).flatmap(sequences), st.integers(0, 99))
def test_gaps_in_loads_change_no_result_and_no_busy_cycle(steps: list[Step], seed: int) -> None:
    outcome = run_steps(steps, gaps=Gaps(loads=0.5, seed=seed))
    check_results(steps, outcome)
    assert outcome.counters["BUSY_CYCLES"] == predicted(steps).busy
    assert outcome.counters["TOTAL_CYCLES"] >= predicted(steps).total


@settings(max_examples=3)
@given(st.sampled_from(FORMATS).flatmap(sequences), st.integers(0, 99))
def test_waits_on_both_sides_change_no_result(steps: list[Step], seed: int) -> None:
    outcome = run_steps(steps, gaps=Gaps(loads=0.3, results=0.7, seed=seed))
    check_results(steps, outcome)
    assert outcome.counters["BUSY_CYCLES"] >= predicted(steps).busy
    assert outcome.counters["TOTAL_CYCLES"] >= predicted(steps).total


@pytest.mark.parametrize("index", [Fixed(3), DenseZeros()], ids=str)
def test_two_buffers_hide_loads_behind_layers_and_one_does_not(index: IndexFormat) -> None:
    layer = make_layer(draw_levels((4, 6, 3, 3), 4, 0.4, 1), 4, 6, 6)
    counts = []
    for buffers in (1, 2):
        config = ArrayConfig(2, 4, 4, activation_depth=128, buffers=buffers).with_index(index)
        steps = [Step(pack(layer, config), draw_activations(layer, 1, seed)) for seed in range(4)]
        outcome = run_steps(steps)
        check_results(steps, outcome)
        counts.append(outcome.counters)
    one, two = counts
    assert one["BUSY_CYCLES"] == two["BUSY_CYCLES"]
    exposed = [count["TOTAL_CYCLES"] - count["BUSY_CYCLES"] for count in (one, two)]
    assert exposed[1] < 0.5 * exposed[0]


def test_the_share_of_loading_is_what_is_not_computed() -> None:
    assert Makespan(total=100, busy=80).share_of_loading == pytest.approx(0.2)


@given(st.integers(1, 2), st.lists(st.tuples(st.integers(1, 99), st.integers(1, 200)), min_size=1, max_size=5))
def test_a_sequence_takes_at_least_its_loads_and_its_layers(buffers: int, runs: list[tuple[int, int]]) -> None:
    config = ArrayConfig(1, 4, buffers=buffers)
    sequence = [LoadedRun((Segment(Space.WEIGHT, words), Segment(Space.COMMAND, 1)), cycles) for words, cycles in runs]
    count, words, busy = makespan(config, sequence), sum(w for w, _ in runs), sum(cycles for _, cycles in runs)
    assert count.busy == busy
    assert count.total >= max(words, busy)
    if buffers == 1:
        assert count.total >= words + busy
