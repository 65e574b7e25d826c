from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codesign.loop.figures import BreakEvenResult, CurvePoint, LayerCurve, TechnologyFigures
from codesign.loop.pipeline import ARRAY_CHOICE, COMPRESSION, EVALUATE, SIMULATE, TRAIN
from codesign.loop.stage import run_stages
from codesign.loop.stages.pruning import PruningResult
from codesign.loop.workspace import Workspace
from codesign.report.contents import read_report, write_report
from codesign.report.plots import PLOTS, draw
from codesign.report.theme import LIGHT
from codesign.settings.hardware import HardwareSection
from codesign.settings.run_config import SimulateSection
from codesign.settings.run_file import load_config
from compress.base.errors import CodesignError
from compress.methods.registry import METHODS, SCHEDULES, SCOPES, VALUE_SETS
from compress.model.model_file import load_model
from compress.storage.archive import read_model
from flows.search.break_even_ratio import BreakEvenRatio
from flows.technology.technology import generic_technology
from sim.simulate.simulator import find_simulator

LAYERS = ("conv1", "conv2", "fc1", "fc2")
ON_A_SMALL_ARRAY = {
    "hardware": HardwareSection(rows=1, lanes=4, indices=["fixed3"], linear_batch=4),
    "simulate": SimulateSection(images=1),
}
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
    curves = tuple(unmeasured(layer) for layer in LAYERS)
    BreakEvenResult(technology=TechnologyFigures.of(generic_technology()), curves=curves).write(folder)
    return folder


def unmeasured(layer: str) -> LayerCurve:
    """A curve of no points but the dense one."""
    dense = CurvePoint(
        pruned_portion=0,
        speedup=1,
        rows=1,
        lanes=1,
        requant_lanes=1,
        area=1,
        clock=1,
        cycles=1,
        index="dense",
        critical="pe",
        config=None,
    )
    never = BreakEvenRatio(100.0, None)
    units = {"area_unit": "GE", "time_unit": "FO4"}
    return LayerCurve(layer=layer, indices=(), budget=1, break_even_ratio=never, dense=dense, points=(), **units)


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


@pytest.mark.parametrize("name", ["n-of-m", "progressive"])
def test_what_these_methods_leave_runs_on_an_array_and_is_reported(
    name: str, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        find_simulator()
    except CodesignError as error:
        pytest.skip(f"no simulator: {error}")
    (path,) = (example for example in EXAMPLES if example.stem == name)
    config = load_config(path).model_copy(update=ON_A_SMALL_ARRAY)
    workspace = Workspace(config, trained)
    run_stages((*COMPRESSION, ARRAY_CHOICE, SIMULATE, EVALUATE), workspace)
    monkeypatch.setattr("codesign.report.page._png", lambda *_: b"")  # once a picture below, not once a theme
    report = write_report(workspace)
    for plot in PLOTS:
        draw(plot, report, LIGHT)
    assert report.to_json() == read_report(trained).to_json()
    assert report.rtl.bit_exact
    assert report.rtl.cycle_exact
    assert [layer.name for layer in report.layers] == list(LAYERS)
    assert str(report.array.chosen.config.index) == "fixed3"
    page = (trained / "report.html").read_text()
    assert METHODS[config.compress.method].summary in page
