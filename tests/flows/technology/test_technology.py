import gzip
import os
from pathlib import Path

import pytest

from compress.base.errors import CodesignError
from flows.technology.generic_library import generic_liberty
from flows.technology.technology import generic_technology, technology_from_liberty

PDK = os.environ.get("CODESIGN_PDK")
needs_pdk = pytest.mark.skipif(PDK is None, reason="CODESIGN_PDK names no folder with Liberty libraries")


def test_the_generic_technology_measures_to_its_own_units() -> None:
    generic = generic_technology()
    assert generic.nand2_area == 1.0
    assert generic.fo4 == pytest.approx(1.0, abs=1e-6)
    assert generic.clk_to_q == pytest.approx(3.8, abs=1e-5)
    assert generic.setup == pytest.approx(1.6, abs=1e-5)
    assert (generic.area_unit, generic.time_unit) == ("GE", "FO4")


@pytest.mark.parametrize("suffix", [".lib", ".lib.gz"])
def test_a_liberty_file_gives_the_same_figures_packed_or_not(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"mine{suffix}"
    text = generic_liberty().encode()
    path.write_bytes(gzip.compress(text) if suffix.endswith("gz") else text)
    read = technology_from_liberty(path)
    assert (read.name, read.area_unit, read.time_unit) == ("mine", "um2", "ns")
    assert read.fo4 == pytest.approx(1.0, abs=1e-6)
    assert read.digest == generic_technology().digest


def test_picosecond_libraries_are_read_in_nanoseconds(tmp_path: Path) -> None:
    path = tmp_path / "ps.lib"
    path.write_text(generic_liberty().replace('time_unit : "1ns"', 'time_unit : "1ps"'))
    assert technology_from_liberty(path).fo4 == pytest.approx(0.001, abs=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"!(A & B)"', '"A & B"', "lacks"),
        ("ff (IQ, IQN)", "latch (IQ, IQN)", "lacks"),
        ("cell_rise", "other_rise", "lacks"),
        ('time_unit : "1ns"', 'time_unit : "1 fortnight"', "time_unit"),
        ("area : 1.000000", "area : 0.000000", "without area"),
    ],
)
def test_a_library_without_the_needed_cells_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = tmp_path / "poor.lib"
    path.write_text(generic_liberty().replace(old, new))
    with pytest.raises(CodesignError, match=told):
        technology_from_liberty(path)


@pytest.mark.parametrize("damage", ["missing", "folder", "cut", "garbage"])
def test_a_file_that_cannot_be_read_gives_one_clear_error(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "broken.lib.gz"
    packed = gzip.compress(generic_liberty().encode())
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes(packed[: len(packed) // 2] if damage == "cut" else b"\x1f\x8b" + bytes(100))
    with pytest.raises(CodesignError, match="broken"):
        technology_from_liberty(path)


@needs_pdk
@pytest.mark.parametrize(
    ("file", "nand2", "fo4"),
    [("nangate45/nangate45_typ.lib.gz", 0.798, 0.0221), ("sky130hd/sky130hd_tt.lib.gz", 3.7536, 0.0805)],
)
def test_open_libraries_measure_as_known(file: str, nand2: float, fo4: float) -> None:
    path = Path(PDK or "") / file
    if not path.exists():
        pytest.skip(f"{path} is not there")
    technology = technology_from_liberty(path)
    assert technology.nand2_area == pytest.approx(nand2)
    assert technology.fo4 == pytest.approx(fo4, rel=0.01)
    assert 3 < technology.clk_to_q / technology.fo4 < 6
    assert 0.5 < technology.setup / technology.fo4 < 3
