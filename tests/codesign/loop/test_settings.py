from __future__ import annotations

from dataclasses import fields

import pytest

from codesign.loop.settings import AdmmSection, DataSection, SimulateSection, TrainSection
from compress.admm.iteration import AdmmConfig
from compress.data.datasets import DATASETS
from compress.train.training import TrainingConfig
from sim.simulate.simulator import SIMULATORS


@pytest.mark.parametrize(("section", "settings"), [(TrainSection, TrainingConfig), (AdmmSection, AdmmConfig)])
def test_sections_have_the_members_and_defaults_of_the_settings_they_become(section: type, settings: type) -> None:
    defaults = {field.name: field.default for field in fields(settings) if field.name != "seed"}
    assert section().model_dump() == defaults


def test_choices_are_those_of_the_packages_that_know_them() -> None:
    assert tuple(DataSection.model_json_schema()["properties"]["name"]["enum"]) == (*DATASETS, "imagefolder:SIZE")
    assert SimulateSection.model_json_schema()["properties"]["simulator"]["anyOf"][0]["enum"] == list(SIMULATORS)


@pytest.mark.parametrize("name", [*DATASETS, "imagefolder:16"])
def test_every_data_set_can_be_named(name: str) -> None:
    assert DataSection(name=name).name == name
