from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from codesign.loop.file_names import MODEL
from codesign.loop.inputs import Work
from codesign.loop.stages import array
from codesign.loop.stages.array import ArrayResult, ArraySettings, run
from codesign.settings.hardware import HardwareSection
from compress.base.errors import CodesignError
from compress.model.compressed_model import CompressedModel
from compress.model.folding.fold_constants import fold_constants
from compress.model.model_file import save_model
from flows.search.array_choice import ArrayChoice
from flows.search.layer_load import LayerLoad
from flows.technology.technology import generic_technology
from rtl.config import ArrayConfig
from rtl.generate import load_config
from tests.codesign.loop.stages.conftest import GiveInputs
from tests.codesign.models import powers_model, small_model

SETTINGS = ArraySettings(HardwareSection(rows=2, lanes=4, indices=["fixed3", "bitmap8"]), generic_technology())


class Search:
    """Stands for the search: the last template, and what it was asked for."""

    def __init__(self, fits: bool = True) -> None:
        self.fits = fits
        self.asked: list[tuple[str, ...]] = []

    def holding(self, loads: Sequence[LayerLoad], template: ArrayConfig, _: Any) -> ArrayChoice:
        assert all(load.mask.all() for load in loads)
        return self._choice(loads, template)

    def best(self, loads: Sequence[LayerLoad], templates: Sequence[ArrayConfig], _: Any, budget: float) -> Any:
        assert budget == 900.0
        self.asked.append(tuple(str(template.index) for template in templates))
        return self._choice(loads, templates[-1]) if self.fits or templates[0].is_dense else None

    def _choice(self, loads: Sequence[LayerLoad], config: ArrayConfig) -> ArrayChoice:
        cycles = {load.name: int(load.mask.sum()) for load in loads}
        return ArrayChoice(config, 900.0, 500.0, 400.0, 30.0, "pe", cycles, float(sum(cycles.values())))


def choose(
    search: Search, inputs: GiveInputs, work: Work, density: float = 0.5, model: CompressedModel | None = None
) -> ArrayResult:
    save_model(model or small_model(density), work.folder / MODEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(array, "holding_array", search.holding)
        patch.setattr(array, "best_array", search.best)
        patch.setattr(array, "scheduled", lambda choice, _: replace(choice, critical="scheduled"))
        return run(inputs(MODEL), SETTINGS, work)


def test_the_verilog_is_of_the_chosen_array(inputs: GiveInputs, work: Work) -> None:
    search = Search()
    result = choose(search, inputs, work)
    assert search.asked == [("dense",), ("fixed3", "bitmap8")]
    assert str(result.chosen.config.index) == "bitmap8"
    assert load_config(work.folder / "array") == result.chosen.config
    assert result.dense.time_per_sample > result.chosen.time_per_sample
    assert {layer: set(costs) for layer, costs in result.formats.items()} == {
        "conv": {"fixed3", "bitmap8"},
        "linear": {"fixed3", "bitmap8"},
    }
    result.write(work.folder)
    assert ArrayResult.read(work.folder) == result


def test_powers_of_two_are_shifted_by_in_both_arrays(inputs: GiveInputs, work: Work) -> None:
    result = choose(Search(), inputs, work, model=powers_model(8))
    for config in (result.dense.config, result.chosen.config):
        assert (config.levels, config.weight_bits) == ("powers", 4)


def test_a_network_without_pruned_weights_gets_the_dense_array(inputs: GiveInputs, work: Work) -> None:
    search = Search()
    result = choose(search, inputs, work, density=1.0)
    assert search.asked == [("dense",)]
    assert result.chosen == result.dense
    assert not result.formats


def test_a_folded_network_is_compared_with_the_dense_array_of_the_whole_one(inputs: GiveInputs, work: Work) -> None:
    conv, linear = small_model(density=1.0).layers
    levels = conv.levels.copy()
    levels[1:] = 0
    folded = fold_constants(CompressedModel.chain((replace(conv, levels=levels), linear)))
    assert [int(layer.levels.size) for layer in folded.layers] == [9, 160]
    search = Search()
    result = choose(search, inputs, work, model=folded)
    assert search.asked == [("dense",), ("fixed3", "bitmap8")]
    assert result.dense.cycles == {"conv": 36, "linear": 640}
    assert result.chosen.cycles == {"conv": 9, "linear": 160}


def test_a_budget_that_holds_no_sparse_array_says_what_to_change(inputs: GiveInputs, work: Work) -> None:
    with pytest.raises(CodesignError, match="no sparse array with fixed3 or bitmap8") as error:
        choose(Search(fits=False), inputs, work)
    assert "hardware.rows" in error.value.next_step
