from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.errors import MismatchError
from codesign.loop import verify
from codesign.loop.verify import SimulationResult, simulate_model
from rtl.config import ArrayConfig
from rtl.formats.fixed import Fixed
from rtl.generate import generate
from sim.simulate.runner import LayerOutcome, LayerRun
from tests.codesign.models import small_model

GOOD = LayerOutcome("conv", 64, 0, (100, 100), 100, 1, 0, False, 250, 0.5, "", "array")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)), max_size=3))
def test_a_result_is_exact_where_every_layer_is(counts: list[tuple[int, int, int]]) -> None:
    outcomes = [
        replace(GOOD, name=str(number), outputs_compared=compared, mismatches=wrong, miscounted=miscounted)
        for number, (compared, wrong, miscounted) in enumerate(counts)
    ]
    result = SimulationResult.of(outcomes, "verilator: 5", images=2)
    assert result.bit_exact == all(compared and not wrong for compared, wrong, _ in counts)
    assert result.cycle_exact == (not any(miscounted for *_, miscounted in counts))
    assert result.outputs_compared == sum(compared for compared, *_ in counts)
    assert result.mismatches == sum(wrong for _, wrong, _ in counts)
    assert result.cycles == {outcome.name: 100 for outcome in outcomes}


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        ([replace(GOOD, mismatches=3, first_mismatch="output (0,) is 1, golden 2")], "3 of 64 outputs.*golden 2"),
        ([GOOD, replace(GOOD, name="linear", miscounted=1)], r"'linear' took \[100, 100\] cycles"),
        ([replace(GOOD, outputs_compared=0)], "compared no outputs"),
    ],
)
def test_a_difference_stops_the_run(outcomes: list[LayerOutcome], told: str) -> None:
    SimulationResult.of([GOOD], "verilator: 5", images=2).check()
    with pytest.raises(MismatchError, match=told):
        SimulationResult.of(outcomes, "verilator: 5", images=2).check()


def test_images_are_repeated_to_fill_the_last_batch_of_a_linear_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_runs: list[LayerRun] = []

    def remember(_: Any, runs: list[LayerRun]) -> list[LayerOutcome]:
        given_runs.extend(runs)
        return [GOOD]

    built = SimpleNamespace(simulator=SimpleNamespace(name="verilator", version="5"))
    monkeypatch.setattr(verify, "compile_folder", lambda *_: built)
    monkeypatch.setattr(verify, "run_layers", remember)
    generate(ArrayConfig(rows=1, lanes=4, weight_bits=4, index=Fixed(3)), tmp_path)
    images = np.random.default_rng(0).random((3, 1, 8, 8), np.float32)
    result = simulate_model(small_model(), tmp_path, images, linear_batch=2)
    conv, linear = (run.activations for run in given_runs)
    assert (len(conv), len(linear)) == (3, 4)
    assert np.array_equal(linear[3], linear[0])
    assert (result.images, result.simulator) == (3, "verilator: 5")
