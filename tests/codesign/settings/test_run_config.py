from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from codesign.settings.run_config import DataSection, RunConfig, SimulateSection
from compress.admm.iteration import AdmmConfig
from compress.data.datasets import DATASETS
from compress.train.training import TrainingConfig
from sim.simulate.simulator import SIMULATORS


def run_config(**sections: Any) -> RunConfig:
    return RunConfig.model_validate({"network": {"name": "digits-net"}, "data": {"name": "digits"}, **sections})


def test_a_run_without_sections_has_the_defaults_of_the_settings() -> None:
    config = run_config()
    assert (config.train, config.compress.prune, config.compress.quantize) == (TrainingConfig(), *[AdmmConfig()] * 2)


def test_every_training_has_the_seed_of_the_run_unless_it_has_its_own() -> None:
    config = run_config(seed=7, train={"epochs": 2}, compress={"quantize": {"seed": 9}})
    assert config.train == TrainingConfig(epochs=2, seed=7)
    assert config.compress.prune == AdmmConfig(seed=7)
    assert config.compress.quantize == AdmmConfig(seed=9)


@pytest.mark.parametrize("section", ["train", "compress"])
def test_a_section_that_is_no_table_is_refused(section: str) -> None:
    with pytest.raises(ValidationError):
        run_config(seed=1, **{section: 3})


def test_choices_are_those_of_the_packages_that_know_them() -> None:
    assert tuple(DataSection.model_json_schema()["properties"]["name"]["enum"]) == (
        *DATASETS,
        "imagefolder:SIZE",
        "package.module:function",
    )
    assert SimulateSection.model_json_schema()["properties"]["simulator"]["anyOf"][0]["enum"] == list(SIMULATORS)


def test_short_forms_stand_for_sections_with_one_key() -> None:
    short = RunConfig.model_validate({"network": "digits-net", "data": "my_data:halves", "train": "my_task:step"})
    full = {"network": {"name": "digits-net"}, "data": {"name": "my_data:halves"}, "task": {"step": "my_task:step"}}
    assert short == RunConfig.model_validate(full)
    with pytest.raises(ValidationError):
        RunConfig.model_validate({**full, "train": "my_task:step"})


@pytest.mark.parametrize("name", [*DATASETS, "imagefolder:16", "my_data:halves"])
def test_every_data_set_can_be_named(name: str) -> None:
    assert DataSection(name=name).name == name
