"""Verilog for other people's tools."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from compress.base.errors import CodesignError
from rtl.config import ArrayConfig
from rtl.formats.bitmap import Bitmap
from rtl.formats.decompress import Decompress
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from rtl.formats.nm import NM
from rtl.formats.rice import Rice
from rtl.generate import FILE_LISTS, FILES, generate, load_config
from rtl.inventory import srams
from rtl.names import ACCELERATOR
from rtl.presets import PRESETS, preset
from sim.simulate.simulator import Simulator, find_simulator
from tests.rtl.tools import check_with_yosys, run_clean

CONFIGS = [ArrayConfig(rows=2, lanes=4), ArrayConfig(rows=1, lanes=3, weight_bits=4, index=Dense(), requant_lanes=3)]
CONFIGS += [
    ArrayConfig(rows=2, lanes=2, index=index) for index in (Bitmap(8), Rice(7), NM(2, 4), NM(1, 3), Decompress())
]
CONFIGS += [
    ArrayConfig(rows=3, lanes=1, index=Fixed(2), stream_bits=32, buffers=2, table_depth=9),
    ArrayConfig(rows=1, lanes=1, index=Dense()),
]


@pytest.fixture(scope="module", params=CONFIGS, ids=lambda c: f"{c.rows}x{c.lanes}-{c.index}")
def generated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    generate(request.param, folder)
    return folder


TOPS = pytest.mark.parametrize("top", list(FILE_LISTS))


def test_the_folder_has_every_file_that_is_promised(tmp_path: Path) -> None:
    assert generate(CONFIGS[0], tmp_path) == [tmp_path / name for name in FILES]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    for names in FILE_LISTS.values():
        assert set((tmp_path / names).read_text().split()) <= set(FILES)


def test_the_constraints_name_ports_that_are_there(generated: Path) -> None:
    verilog = (generated / f"{ACCELERATOR}.v").read_text()
    for suffix in ("xdc", "lpf"):
        text = (generated / f"{ACCELERATOR}.{suffix}").read_text()
        for port in re.findall(r"\b((?:s_axi|s_axis|m_axis)_\w+|aclk|aresetn|irq)\b", text):
            assert re.search(rf"^  (input|output) wire .*\b{port}", verilog, re.MULTILINE), port


@pytest.mark.parametrize("name", PRESETS)
def test_a_presets_purpose_names_its_size(name: str) -> None:
    config, purpose = preset(name), PRESETS[name].purpose
    megabits = sum(use.bits for use in srams(config)) / 1e6
    assert purpose.startswith(f"{config.rows} x {config.lanes} PEs")
    assert f"{megabits:.2f} Mbit" in purpose


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(CodesignError, match="tiny, edge, wide"):
        preset("huge")


def test_the_folder_says_what_array_it_is(tmp_path: Path) -> None:
    generate(CONFIGS[0], tmp_path)
    assert load_config(tmp_path) == CONFIGS[0]
    fields = json.loads((tmp_path / "array.json").read_text())["write_payload_bits"]
    assert fields["data"][0] == 0
    assert list(fields) == ["data", "address", "row", "space"]


def test_the_same_array_is_the_same_text(tmp_path: Path) -> None:
    first, second = generate(CONFIGS[0], tmp_path / "a"), generate(CONFIGS[0], tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_damaged_description_is_refused(tmp_path: Path) -> None:
    generate(CONFIGS[0], tmp_path)
    (tmp_path / "array.json").write_text("{")
    with pytest.raises(CodesignError, match="codesign generate"):
        load_config(tmp_path)


@TOPS
def test_verilator_accepts_it(generated: Path, top: str) -> None:
    simulator = find_simulator()
    if simulator.name != "verilator":
        pytest.skip("the packaged Verilator needs a C++ compiler, make and perl")
    # Width warnings: Yosys writes `!x` for x == 0 and compares numbers of unequal width.
    # PROCASSINIT, UNUSEDSIGNAL: reset values as initial values, and wires kept for readable names.
    # DECLFILENAME: many modules a file.
    waived = ["WIDTHTRUNC", "WIDTHEXPAND", "PROCASSINIT", "UNUSEDSIGNAL", "DECLFILENAME"]
    lint = ["verilator", "--lint-only", "-Wall", *(f"-Wno-{name}" for name in waived), "--top-module", top]
    check(lint, generated, top, simulator)


@TOPS
def test_icarus_compiles_it(generated: Path, top: str) -> None:
    if shutil.which("iverilog") is None:
        pytest.skip("iverilog is not installed")
    check(["iverilog", "-g2012", "-Wall", "-t", "null", "-s", top], generated, top, None)


@TOPS
def test_yosys_reads_it_and_finds_no_problem(generated: Path, top: str) -> None:
    check_with_yosys([generated / name for name in (generated / FILE_LISTS[top]).read_text().split()], top)


def check(command: list[str], folder: Path, top: str, simulator: Simulator | None) -> None:
    run_clean(command + [str(folder / name) for name in (folder / FILE_LISTS[top]).read_text().split()], simulator)
