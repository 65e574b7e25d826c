from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codesign.loop.figures import BreakEvenResult, TechnologyFigures
from codesign.loop.pipeline import COMPRESSION, TRAIN
from codesign.loop.run_file import load_config
from codesign.loop.stage import run_stages
from codesign.loop.stages.pruning import PruningResult
from codesign.loop.workspace import Workspace
from compress.methods.registry import METHODS, SCHEDULES, SCOPES, VALUE_SETS
from compress.model.model_file import load_model
from compress.storage.archive import read_model
from flows.technology.technology import generic_technology

EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "methods").glob("*.toml"))


def test_every_choice_has_an_example() -> None:
    sections = [load_config(path).compress for path in EXAMPLES]
    for choices, chosen in (
        (METHODS, {section.method for section in sections}),
        (SCOPES, {section.scope for section in sections}),
        (SCHEDULES, {section.schedule for section in sections}),
        (VALUE_SETS, {section.set for section in sections}),
    ):
        assert chosen == set(choices)
    assert {load_config(path).processes for path in EXAMPLES} == {1, 2}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dense network that all examples start from, and no break-even curves: none of them searches alphas."""
    folder = tmp_path_factory.mktemp("methods")
    run_stages([TRAIN], Workspace(load_config(EXAMPLES[0]), folder))
    BreakEvenResult(technology=TechnologyFigures.of(generic_technology()), curves=()).write(folder)
    return folder


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_trains_prunes_and_quantizes(path: Path, trained: Path) -> None:
    workspace = Workspace(load_config(path), trained)
    run_stages(COMPRESSION, workspace)
    found = PruningResult.read(trained)
    assert 0 < sum(found.kept.values()) < 0.6 * (144 + 4608 + 16384 + 320)
    model, archive = load_model(trained / "model.safetensors"), read_model(trained / "model.packed")
    for layer, archived in zip(model.layers, archive.layers, strict=True):
        assert np.array_equal(layer.levels, archived.levels)
        assert np.array_equal(layer.bias, archived.bias)
