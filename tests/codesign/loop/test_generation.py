"""Which array a model gets when little or nothing is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.loop.generation import CHOICE, ArrayOptions, array_and_cycles
from compress.base.errors import CodesignError
from compress.model.compressed_model import CompressedModel
from rtl.config import ArrayConfig
from rtl.presets import PRESETS
from sim.mapping.tiles import tile_layer
from tests.codesign.models import powers_model, small_model
from tests.drawn import draw_activations
from tests.support import run_array

MODEL = small_model()
CHOSEN = ArrayConfig(
    rows=3, lanes=4, weight_bits=4, requant_lanes=2, weight_depth=512, activation_depth=128, table_depth=128
)


def cycles_on(model: CompressedModel, config: ArrayConfig, linear_batch: int = 8) -> dict[str, int]:
    batches = {"conv": 1, "linear": linear_batch}
    return {layer.name: tile_layer(layer, config, batches[layer.name]).cycles for layer in model.layers}


def leave_choice(folder: Path, config: ArrayConfig, cycles: dict[str, int]) -> None:
    (folder / CHOICE).write_text(json.dumps({"chosen": {"config": config.to_dict(), "cycles": cycles}}))


def test_a_runs_model_gets_the_array_that_the_run_chose(tmp_path: Path) -> None:
    leave_choice(tmp_path, CHOSEN, cycles_on(MODEL, CHOSEN))
    made = array_and_cycles(MODEL, None, ArrayOptions(), 8, tmp_path)
    assert made.config == CHOSEN
    assert made.cycles == cycles_on(MODEL, CHOSEN)
    assert made.loaded is not None
    assert made.loaded.busy == sum(made.cycles.values())
    assert str(tmp_path) in made.origin


@pytest.mark.parametrize(
    "record",
    ["", "[]", "{}", '{"chosen": {}}', '{"chosen": {"config": {"rows": 0}, "cycles": {}}}'],
)
def test_a_record_that_is_no_choice_is_passed_over(record: str, tmp_path: Path) -> None:
    (tmp_path / CHOICE).write_text(record)
    assert array_and_cycles(MODEL, None, ArrayOptions(), 8, tmp_path).config.rows == 4


def test_a_choice_for_another_model_or_with_other_options_is_passed_over(tmp_path: Path) -> None:
    leave_choice(tmp_path, CHOSEN, cycles_on(MODEL, CHOSEN))
    assert array_and_cycles(small_model(0.3), None, ArrayOptions(), 8, tmp_path).config.rows == 4
    assert array_and_cycles(MODEL, None, ArrayOptions(lanes=4), 8, tmp_path).config.rows == 4
    assert array_and_cycles(MODEL, None, ArrayOptions(weight_depth=256), 8, tmp_path).config.rows == 3


def test_two_buffers_hide_loads_and_a_preset_alone_has_none() -> None:
    one, two = (array_and_cycles(MODEL, None, ArrayOptions(buffers=buffers), 8).loaded for buffers in (1, 2))
    assert one is not None
    assert two is not None
    assert one.busy == two.busy < two.total < one.total
    assert array_and_cycles(None, "tiny", ArrayOptions(), 8).loaded is None


def test_a_choice_gets_the_requantizers_that_are_given(tmp_path: Path) -> None:
    leave_choice(tmp_path, CHOSEN, cycles_on(MODEL, CHOSEN))
    made = array_and_cycles(MODEL, None, ArrayOptions(multipliers="dsp"), 8, tmp_path)
    assert (made.config.rows, made.config.multipliers) == (3, "dsp")


@settings(max_examples=6)
@given(st.sampled_from([1, 2, 4, 6, 8, 16]), st.integers(1, 4), st.sampled_from([0.05, 0.2, 0.6, 1.0]))
def test_requantizers_do_not_hold_the_rows_up_and_fewer_would(lanes: int, rows: int, density: float) -> None:
    model = small_model(density, pool=None)

    def made(count: int | None = None) -> tuple[int, float]:
        found = array_and_cycles(model, None, ArrayOptions(rows, lanes, requant_lanes=count), 8)
        return found.config.requant_lanes, found.cycles["conv"] + found.cycles["linear"] / 8

    chosen, cycles = made()
    counts = dict(made(n) for n in range(1, lanes + 1) if lanes % n == 0)
    assert cycles <= 1.02 * counts[lanes]
    fewer = [count for count in counts if count < chosen]
    assert all(counts[count] > counts[lanes] for count in fewer)


def test_pooling_stays_with_the_array() -> None:
    assert array_and_cycles(MODEL, None, ArrayOptions(), 8).config.requant_lanes <= 2  # of 8 lanes, windows of 4


@pytest.mark.parametrize("options", [ArrayOptions(index="dense"), ArrayOptions(rows=2, lanes=4, index="dense")])
def test_the_dense_baseline_of_a_pruned_model_stores_its_zeros(options: ArrayOptions) -> None:
    made = array_and_cycles(MODEL, None, options, 2)
    assert str(made.config.index) == "dense0"
    assert made.config.word_bits == MODEL.layers[0].weight_bits + 1
    for layer in MODEL.layers:
        tiling = tile_layer(layer, made.config, 2)
        activations = draw_activations(layer, 2, 4)
        answers = [run_array(run.packed, tiling.inputs(run, activations)) for run in tiling.runs]
        assert (tiling.join([results for results, _ in answers]) == tiling.answer(activations)).all()
        assert sum(cycles for _, cycles in answers) == tiling.cycles


def test_a_dense_model_keeps_the_dense_format() -> None:
    assert str(array_and_cycles(small_model(1.0), None, ArrayOptions(index="dense"), 8).config.index) == "dense"


@pytest.mark.parametrize(
    ("model", "options", "levels", "bits"),
    [
        (MODEL, ArrayOptions(), "linear", 4),
        (powers_model(8), ArrayOptions(), "powers", 4),
        (powers_model(8), ArrayOptions(index="dense"), "powers", 4),
        (powers_model(8), ArrayOptions(levels="linear"), "linear", 8),
        (powers_model(2), ArrayOptions(), "linear", 2),
        (powers_model(2), ArrayOptions(levels="powers"), "powers", 2),
    ],
    ids=["levels", "powers", "dense", "linear wanted", "no fewer bits", "powers wanted"],
)
def test_powers_of_two_get_an_array_that_shifts_where_that_is_shorter(
    model: CompressedModel, options: ArrayOptions, levels: str, bits: int
) -> None:
    config = array_and_cycles(model, None, options, 8).config
    assert (config.levels, config.weight_bits) == (levels, bits)
    tiling = tile_layer(model.layers[0], config)
    activations = draw_activations(model.layers[0], 1, seed=1)
    outcomes = [run_array(run.packed, tiling.inputs(run, activations)) for run in tiling.runs]
    np.testing.assert_array_equal(tiling.join([results for results, _ in outcomes]), tiling.answer(activations))
    assert sum(cycles for _, cycles in outcomes) == tiling.cycles


def test_powers_are_refused_for_other_levels_and_taken_for_presets() -> None:
    with pytest.raises(CodesignError, match="layer 'conv' has the level 3, which is not a power of two"):
        array_and_cycles(MODEL, None, ArrayOptions(levels="powers"), 8)
    assert array_and_cycles(None, "edge", ArrayOptions(levels="powers"), 8).config.weight_bits == 4


def test_a_preset_has_no_cycles_without_a_model() -> None:
    made = array_and_cycles(None, "tiny", ArrayOptions(), 8)
    assert (made.config, made.cycles) == (PRESETS["tiny"].config, {})


def test_nothing_to_make_an_array_of_is_refused() -> None:
    with pytest.raises(CodesignError, match="neither a model nor a preset"):
        array_and_cycles(None, None, ArrayOptions(), 8)
