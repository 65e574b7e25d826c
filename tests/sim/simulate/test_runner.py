"""cocotb on the emitted Verilog: equal to golden and cycle model, and red when anything is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.pool import Pool, PoolKind
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from rtl.formats.rice import Rice
from rtl.generate import generate
from rtl.names import TOP
from sim.mapping.tiles import tile_layer
from sim.simulate.build import BuiltArray, build_array, compile_folder
from sim.simulate.runner import LayerRun, Stalls, run_layers
from sim.simulate.simulator import find_simulator
from tests.drawn import draw_activations, draw_levels, layers, make_layer

SPARSE = ArrayConfig(rows=3, lanes=4, index=Fixed(3), requant_lanes=2, weight_depth=512, activation_depth=1024)
RICE = ArrayConfig(rows=2, lanes=2, index=Rice(3), multipliers="dsp", weight_depth=512, activation_depth=2048)
STACKS = ArrayConfig(
    rows=4,
    lanes=4,
    index=Fixed(4),
    requant_lanes=2,
    chain_depth=2,
    subarrays=4,
    weight_depth=512,
    activation_depth=1024,
    table_depth=512,
)
DENSE = ArrayConfig(rows=2, lanes=5, index=Dense(), weight_depth=1024, activation_depth=1024, table_depth=16)
LOCKSTEP = DENSE.replace(rows=3, chain_depth=0)
ARRAYS = {"fixed3": SPARSE, "rice3": RICE, "stacks": STACKS, "dense": DENSE, "lockstep": LOCKSTEP}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, BuiltArray]:
    try:
        find_simulator()
    except CodesignError as error:
        pytest.skip(error.cause)
    folder = tmp_path_factory.mktemp("arrays")
    return {name: build_array(config, folder / name) for name, config in ARRAYS.items()}


def drawn_runs(config: ArrayConfig, count: int) -> st.SearchStrategy[list[LayerRun]]:
    """Layers that fit the array, some with stalls on the ports."""

    @st.composite
    def run(draw: st.DrawFn) -> LayerRun:
        layer = draw(layers(config.is_dense, act_bits=8))
        batch = draw(st.integers(1, 2))
        stalls = draw(st.sampled_from([Stalls(), Stalls(0.3, 0.5, 7), Stalls(0.0, 0.9, 8)]))
        return LayerRun(
            tile_layer(layer, config, batch), draw_activations(layer, 2 * batch, draw(st.integers(0, 99))), stalls
        )

    return st.lists(run(), min_size=count, max_size=count)


@pytest.mark.parametrize("name", ARRAYS)
def test_verilog_equals_golden_and_cycle_model(built: dict[str, BuiltArray], name: str) -> None:
    @settings(max_examples=3)
    @given(drawn_runs(ARRAYS[name], 12))
    def check(runs: list[LayerRun]) -> None:
        for outcome in run_layers(built[name], runs):
            assert outcome.bit_exact, outcome
            assert outcome.cycle_exact, outcome
            assert outcome.outputs_compared > 0

    check()


def test_layers_on_one_two_and_four_subarrays_follow_each_other(built: dict[str, BuiltArray]) -> None:
    shapes = [(8, 8, 8, 4), (1, 6, 8, 7), (2, 4, 8, 8), (4, 8, 8, 5), (1, 2, 3, 9)]
    runs = [
        LayerRun(
            tile_layer(
                make_layer(
                    draw_levels((filters, channels // groups, 3, 3), 8, 0.5, size),
                    8,
                    size,
                    size,
                    padding=(1, 1),
                    groups=groups,
                    input_shape=(channels, size, size),
                ),
                STACKS,
            ),
            draw_activations(make_layer(draw_levels((1, channels, 1, 1), 8, 1.0, 0), 8, size, size), 2, size),
        )
        for groups, channels, filters, size in shapes
    ]
    taken = {part.part.subarrays for run in runs for part in run.tiling.runs}
    assert {1, 2} <= taken
    assert all(outcome.bit_exact and outcome.cycle_exact for outcome in run_layers(built["stacks"], runs))


def test_icarus_agrees(tmp_path: Path) -> None:
    if shutil.which("iverilog") is None:
        pytest.skip("iverilog is not installed")
    config = ArrayConfig(rows=2, lanes=3, weight_bits=4)
    layer = make_layer(draw_levels((3, 4, 3, 3), 4, 0.4, 1), 4, 5, 5, padding=(1, 1))
    run = LayerRun(tile_layer(layer, config), draw_activations(layer, 2, 1))
    (outcome,) = run_layers(build_array(config, tmp_path, "icarus"), [run])
    assert outcome.bit_exact
    assert outcome.cycle_exact


def test_stalls_do_happen_and_change_no_output(built: dict[str, BuiltArray]) -> None:
    layer = make_layer(draw_levels((4, 6, 3, 3), 6, 0.4, 2), 6, 7, 7, padding=(1, 1))
    ports = (Stalls(), Stalls(writes=0.5), Stalls(results=0.9))
    runs = [LayerRun(tile_layer(layer, SPARSE), draw_activations(layer, 1, 3), stalls) for stalls in ports]
    free, writes, results = run_layers(built["fixed3"], runs)
    assert all(outcome.bit_exact for outcome in (free, writes, results))
    assert writes.cycles == free.cycles < results.cycles
    assert min(writes.simulated_cycles, results.simulated_cycles) > free.simulated_cycles


LARGE = {
    "filters": make_layer(draw_levels((40, 20, 3, 3), 8, 0.7, 1), 8, 4, 4),
    "lines": make_layer(draw_levels((2, 9, 3, 3), 8, 0.3, 2), 8, 61, 90, padding=(2, 1), stride=(2, 1)),
    "groups": make_layer(draw_levels((6, 3, 3, 3), 8, 0.5, 3), 8, 9, 9, input_shape=(9, 9, 9), groups=3),
    "depthwise": make_layer(
        draw_levels((5, 1, 3, 3), 8, 1.0, 4), 8, 7, 6, input_shape=(5, 7, 6), groups=5, padding=(1, 1)
    ),
    "pooled": make_layer(
        draw_levels((3, 2, 3, 3), 8, 0.5, 6), 8, 7, 9, padding=(1, 1), pool=Pool(PoolKind.AVERAGE, (2, 1), (2, 1))
    ),
}


def test_layers_larger_than_the_array_and_groups_are_exact_in_several_runs(built: dict[str, BuiltArray]) -> None:
    runs = [LayerRun(tile_layer(layer, SPARSE, 2), draw_activations(layer, 4, 5)) for layer in LARGE.values()]
    outcomes = run_layers(built["fixed3"], runs)
    for run, outcome in zip(runs, outcomes, strict=True):
        assert outcome.bit_exact, outcome
        assert outcome.cycle_exact, outcome
        layer = run.tiling.layer
        assert outcome.outputs_compared == 4 * np.prod(layer.output_shape if layer.pool else layer.conv_shape)
        assert outcome.pooling == ("array" if layer.pool else "")
        assert len(outcome.cycles) == 2
    assert all(outcome.runs > 1 for outcome in outcomes[:3])


class TestItTurnsRed:
    """Each checker must be able to fail."""

    run = LayerRun(
        tile_layer(make_layer(draw_levels((4, 6, 3, 3), 6, 0.4, 2), 6, 7, 7, padding=(1, 1)), SPARSE),
        draw_activations(make_layer(draw_levels((4, 6, 3, 3), 6, 0.4, 2), 6, 7, 7), 1, 3),
    )

    def mutated(self, tmp_path: Path, before: str, after: str) -> BuiltArray:
        generate(SPARSE, tmp_path)
        verilog = tmp_path / f"{TOP}.v"
        text = verilog.read_text()
        assert before in text
        verilog.write_text(text.replace(before, after, 1))
        return compile_folder(tmp_path)

    def test_on_a_flipped_adder_input(self, tmp_path: Path, built: dict[str, BuiltArray]) -> None:
        text = (built["fixed3"].sources / f"{TOP}.v").read_text()
        start = text.index("row_1.pe_2 ")
        line = next(line for line in text[start:].splitlines() if " + " in line)
        (outcome,) = run_layers(self.mutated(tmp_path, line, line.replace(" + ", " - ", 1)), [self.run])
        assert not outcome.bit_exact
        assert "golden" in outcome.first_mismatch

    def test_on_a_bank_that_is_read_where_it_is_written(self, tmp_path: Path, built: dict[str, BuiltArray]) -> None:
        text = (built["fixed3"].sources / f"{TOP}.v").read_text()
        row = text[text.index(" row_2 (") :].partition(";")[0]
        with pytest.raises(CodesignError, match=r"did not finish(.|\n)*row_2.*is read in the cycle in which"):
            run_layers(self.mutated(tmp_path, row, row.replace(".running(busy)", ".running(1'h1)")), [self.run])

    def test_on_one_run_of_several_that_takes_a_cycle_more_and_one_that_takes_a_cycle_less(
        self, built: dict[str, BuiltArray]
    ) -> None:
        layer = LARGE["groups"]
        tiling = tile_layer(layer, SPARSE)
        tiling.runs[0].packed.plan.tokens_rk[0, 0] += 1
        tiling.runs[1].packed.plan.tokens_rk[0, 0] -= 1
        (outcome,) = run_layers(built["fixed3"], [LayerRun(tiling, draw_activations(layer, 1, 1))])
        assert outcome.bit_exact
        assert not outcome.cycle_exact

    def test_on_a_row_that_wastes_a_cycle(self, built: dict[str, BuiltArray]) -> None:
        slow = LayerRun(tile_layer(self.run.tiling.layer, SPARSE), self.run.activations)
        slow.tiling.runs[0].packed.plan.tokens_rk[0, 0] += 1
        (outcome,) = run_layers(built["fixed3"], [slow])
        assert outcome.bit_exact
        assert not outcome.cycle_exact

    @pytest.mark.parametrize("row", [0, 2])
    def test_on_a_corrupted_weight_bank(self, built: dict[str, BuiltArray], row: int) -> None:
        corrupted = tile_layer(self.run.tiling.layer, SPARSE)
        corrupted.runs[0].packed.weight_words[row][3] ^= 0b100
        (outcome,) = run_layers(built["fixed3"], [LayerRun(corrupted, self.run.activations)])
        assert not outcome.bit_exact

    def test_on_a_simulation_that_never_finishes(self, built: dict[str, BuiltArray]) -> None:
        endless = tile_layer(self.run.tiling.layer, SPARSE)
        endless.runs[0].packed.weight_words[1][:] = (
            0  # gaps of zero: the row runs out of words before it runs out of filters
        )
        with pytest.raises(CodesignError, match="did not finish"):
            run_layers(built["fixed3"], [LayerRun(endless, self.run.activations)])

    def test_on_a_layer_packed_for_another_array(self, built: dict[str, BuiltArray]) -> None:
        with pytest.raises(CodesignError, match="another array"):
            run_layers(built["dense"], [self.run])


def test_verilog_that_does_not_compile_is_reported_with_the_tools_words(
    tmp_path: Path, built: dict[str, BuiltArray]
) -> None:
    generate(SPARSE, tmp_path)
    (tmp_path / f"{TOP}.v").write_text("module pe_array(; endmodule")
    with pytest.raises(CodesignError, match="syntax error"):
        compile_folder(tmp_path)


def test_a_folder_without_an_array_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CodesignError, match="codesign generate"):
        compile_folder(tmp_path)
