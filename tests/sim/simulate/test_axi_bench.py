"""Layers through the AXI ports, driven by cocotbext-axi: golden results whatever the ports do."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.model.layer import CompressedLayer
from compress.model.pool import Pool, PoolKind
from rtl.config import ArrayConfig
from rtl.formats.fixed import Fixed
from rtl.names import ACCELERATOR
from sim.mapping.cycles import Chain, layer_cycles
from sim.mapping.pack import PackedLayer, pack
from sim.mapping.tiles import tile_layer
from sim.simulate.build import BuiltArray, build_array, run_child
from sim.simulate.load_packets import load_packet
from sim.simulate.runner import LayerOutcome, LayerRun, Stalls, run_layers
from sim.simulate.simulator import find_simulator
from tests.drawn import draw_activations, draw_levels, layers, make_layer

# Three activations in a beat of four bytes, six bits each; words of 36 bits in two beats.
CONFIG = ArrayConfig(
    rows=2, lanes=6, act_bits=6, index=Fixed(3), requant_lanes=3, weight_depth=512, activation_depth=512
)
POOL = Pool(PoolKind.MAX, (2, 1), (2, 1))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuiltArray:
    try:
        find_simulator()
    except CodesignError as error:
        pytest.skip(error.cause)
    return build_array(CONFIG, tmp_path_factory.mktemp("accelerator"), top=ACCELERATOR)


@st.composite
def drawn_run(draw: st.DrawFn) -> LayerRun:
    layer = draw(layers(act_bits=CONFIG.act_bits))
    batch = draw(st.integers(1, 2))
    return LayerRun(tile_layer(layer, CONFIG, batch), draw_activations(layer, 2 * batch, draw(st.integers(0, 99))))


def stalled(run: LayerRun, loads: float, results: float, seed: int) -> LayerRun:
    return replace(run, stalls=Stalls(loads, results, seed))


class TestLayers:
    @settings(max_examples=2)
    @given(st.lists(drawn_run(), min_size=6, max_size=6), st.integers(0, 99))
    def test_stalls_change_no_result_and_no_counter_but_their_own(
        self, built: BuiltArray, runs: list[LayerRun], seed: int
    ) -> None:
        waits = [(0.0, 0.0), (0.6, 0.0), (0.0, 0.95), (0.4, 0.8)]
        outcomes = run_layers(built, [stalled(run, *wait, seed) for run in runs for wait in waits])
        for at in range(0, len(outcomes), len(waits)):
            self.check_alike(*outcomes[at : at + len(waits)])

    def check_alike(self, free: LayerOutcome, gaps: LayerOutcome, pressed: LayerOutcome, both: LayerOutcome) -> None:
        for outcome in (free, gaps, pressed, both):
            assert outcome.bit_exact, outcome
        assert free.cycle_exact
        assert gaps.cycles == free.cycles  # gaps in loading are none of the array's cycles
        for batch, plain in enumerate(free.counters):
            assert plain["RESULT_WAIT"] == plain["LOAD_WAIT"] == 0
            assert gaps.counters[batch]["LOAD_BEATS"] == plain["LOAD_BEATS"]
            assert gaps.counters[batch]["LOAD_WAIT"] > 0
            for outcome in (gaps, pressed, both):
                counters = outcome.counters[batch]
                assert counters["RESULT_BEATS"] == plain["RESULT_BEATS"]
                waited = counters["CYCLES"] - outcome.model_cycles
                assert 0 <= waited <= counters["RESULT_WAIT"]  # a wait may fall where the array has time


def small_layer(seed: int = 1) -> CompressedLayer:
    return make_layer(
        draw_levels((5, 4, 3, 3), 6, 0.4, seed), 6, 7, 7, padding=(1, 1), act_bits=CONFIG.act_bits, pool=POOL
    )


def test_waits_beats_and_faults_are_seen(built: BuiltArray) -> None:
    layer = small_layer()
    activations = draw_activations(layer, 1, 2)
    plain, corrupted, slow = (tile_layer(layer, CONFIG) for _ in range(3))
    packed = plain.runs[0].packed
    corrupted.runs[0].packed.weight_words[1][3] ^= 0b100
    slow.runs[0].packed.plan.tokens_rk[0, 0] += 1
    runs = [LayerRun(each, activations) for each in (plain, corrupted, slow)]
    free, wrong, late, pressed = run_layers(built, [*runs, stalled(runs[0], 0.0, 0.97, 1)])
    packets = (packed.static_writes(), packed.activation_writes(activations))
    assert free.counters[0]["LOAD_BEATS"] == sum(len(load_packet(CONFIG, writes)) for writes in packets)
    assert free.counters[0]["RESULT_BEATS"] == packed.result_beats
    assert free.pooling == "array"
    assert not wrong.bit_exact
    assert late.bit_exact
    assert not late.cycle_exact
    assert pressed.bit_exact
    assert pressed.counters[0]["RESULT_WAIT"] > pressed.model_cycles
    assert pressed.cycles[0] > 2 * pressed.model_cycles


MOMENTS = [
    (f"{where} {reset}", wait) for where in ("load", "run") for reset in ("soft", "hard") for wait in (0, 37, 150)
]


def run_bench(built: BuiltArray, module: str, job: object, folder: Path) -> list[dict[str, Any]]:
    """What the cocotb bench ``module`` answers to ``job``."""
    question, answer = folder / "job", folder / "answer"
    question.write_bytes(pickle.dumps(job))
    log = run_child(
        "test",
        built.simulator,
        {
            "test_module": module,
            "hdl_toplevel": ACCELERATOR,
            "hdl_toplevel_lang": "verilog",
            "build_dir": str(built.folder),
            "test_dir": str(folder),
            "results_xml": str(folder / "results.xml"),
            "timescale": ["1ns", "1ps"],
        },
        {"CODESIGN_SIM_JOB": str(question), "CODESIGN_SIM_ANSWER": str(answer)},
    )
    assert answer.exists(), log[-3000:]
    answers: list[dict[str, Any]] = pickle.loads(answer.read_bytes())
    return answers


def check_last_runs(packed: PackedLayer, activations: NDArray[np.uint8], answers: list[dict[str, Any]]) -> None:
    """Golden results, and the same counters each time but for those of the loads before."""
    for each in answers:
        got = np.concatenate([packed.unpack_results(beats) for beats in each["beats"]])
        np.testing.assert_array_equal(got, packed.answer(activations))
        assert each["counters"] == answers[0]["counters"] | {
            name: each["counters"][name] for name in ("LOAD_BEATS", "LOAD_WAIT", "LOAD_BLOCKED")
        }


def test_a_reset_in_the_middle_leaves_nothing_behind(built: BuiltArray, tmp_path: Path) -> None:
    packed, activations = pack(small_layer(), CONFIG), draw_activations(small_layer(), 1, 3)
    orders = [[moment] for moment in MOMENTS] + [list(reversed(MOMENTS))]
    job = [(packed, activations, moments) for moments in orders]
    answers = run_bench(built, "tests.sim.simulate.axi_resets", job, tmp_path)
    assert len(answers) == len(orders)
    check_last_runs(packed, activations, answers)


def test_what_a_driver_does_wrong_is_told_and_the_next_layer_is_right(built: BuiltArray, tmp_path: Path) -> None:
    packed, activations = pack(small_layer(), CONFIG), draw_activations(small_layer(), 1, 3)
    answers = run_bench(built, "tests.sim.simulate.axi_faults", [(packed, activations)] * 2, tmp_path)
    assert len(answers) == 2
    check_last_runs(packed, activations, answers)
    assert answers[0]["counters"]["CYCLES"] == layer_cycles(packed.plan, Chain.of(CONFIG))
