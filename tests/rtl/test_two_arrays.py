"""Two arrays in one design, each with a prefix of its own, one of another format and shape."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.generate import FILE_LISTS, generate, load_names
from rtl.names import ACCELERATOR, TOP, ModuleNames
from sim.simulate.simulator import find_simulator
from tests.rtl.tools import check_with_yosys, run_clean

PREFIXES = ("left", "right")
CONFIGS = (ArrayConfig(rows=2, lanes=4), ArrayConfig(rows=1, lanes=3, weight_bits=4, index=Dense(), requant_lanes=3))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folders = [tmp_path_factory.mktemp(prefix) for prefix in PREFIXES]
    for config, folder, prefix in zip(CONFIGS, folders, PREFIXES, strict=False):
        generate(config, folder, ModuleNames(prefix))
    design = tmp_path_factory.mktemp("both") / "both.v"
    instances = "".join(f"  {prefix}_{ACCELERATOR} {prefix} (.aclk(aclk));\n" for prefix in PREFIXES)
    design.write_text(f"module both (input wire aclk);\n{instances}endmodule\n")
    lists = [(folder, (folder / FILE_LISTS[ACCELERATOR]).read_text().split()) for folder in folders]
    return [*(folder / name for folder, names in lists for name in names), design]


def test_no_module_is_defined_twice(files: list[Path]) -> None:
    modules = [name for path in files for name in re.findall(r"^module +(\S+?) ?\(", path.read_text(), re.MULTILINE)]
    assert len(set(modules)) == len(modules) > 20
    assert all(re.match(r"\\?(left|right|both)", name) for name in modules)


def test_verilator_accepts_both(files: list[Path]) -> None:
    simulator = find_simulator()
    if simulator.name != "verilator":
        pytest.skip("the packaged Verilator needs a C++ compiler, make and perl")
    waived = ["WIDTHTRUNC", "WIDTHEXPAND", "PINMISSING"]  # as below, and most ports are left open
    lint = ["verilator", "--lint-only", *(f"-Wno-{name}" for name in waived), "--top-module", "both"]
    run_clean([*lint, *map(str, files)], simulator)


def test_yosys_reads_both(files: list[Path]) -> None:
    check_with_yosys(files, "both")


def test_yosys_refuses_two_without_prefixes(tmp_path: Path) -> None:
    for config, name in zip(CONFIGS, "ab", strict=False):
        generate(config, tmp_path / name)
    files = [tmp_path / name / f"{TOP}.v" for name in "ab"]
    with pytest.raises(AssertionError, match="Re-definition of module"):
        check_with_yosys(files, TOP)


def test_headers_and_constraints_say_whose_they_are(files: list[Path]) -> None:
    folder = files[0].parent
    assert load_names(folder) == ModuleNames("left")
    header = (folder / "codesign_regs.h").read_text()
    assert "#define LEFT_CODESIGN_ID_OFFSET" in header
    assert "void left_codesign_header(" in header
    assert not re.search(r"\bCODESIGN_", header)
    for name in ("registers.md", "codesign_regs.py", f"{ACCELERATOR}.xdc", f"{ACCELERATOR}.lpf"):
        assert f"left_{ACCELERATOR}" in (folder / name).read_text()
