import gzip
import re
from pathlib import Path

import pytest

from compress.base.errors import CodesignError
from flows.technology.generic_library import generic_liberty
from flows.technology.technology import generic_technology, technology_from_liberty


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
        ('"!(A & B)"', '"A & B"', r"poor\.lib cannot be mapped to: it has no NAND2"),
        ("ff (IQ, IQN)", "latch (IQ, IQN)", r"poor\.lib cannot be mapped to: it has no D flip-flop"),
        ("cell_rise", "other_rise", r"NAND2_X1 \(pin Y has no cell_rise from A\)"),
        ('time_unit : "1ns"', 'time_unit : "1 fortnight"', "time_unit"),
        ("area : ", "height : ", r"no NAND2 can be used: NAND2_X1 \(its area is not given\)"),
        ("cell (INV_X1) {", "cell (INV_X1) { area 1;", "line 20: '1' after 'area'"),
    ],
)
def test_a_library_that_cannot_be_used_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = tmp_path / "poor.lib"
    text = generic_liberty()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(CodesignError, match=told):
        technology_from_liberty(path)


def test_delays_of_zero_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "ideal.lib"
    table = r'(cell_(?:rise|fall) \(linear\) \{ values) \("[^"]*", "[^"]*"\)'
    path.write_text(re.sub(table, r'\1 ("0, 0", "0, 0")', generic_liberty()))
    with pytest.raises(CodesignError, match=r"ideal\.lib has delays that are not above 0: INV_X1 takes 0"):
        technology_from_liberty(path)


def test_the_smallest_nand2_without_an_area_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "mine.lib"
    path.write_text(generic_liberty().replace("area : 1.000000", "height : 1.000000"))
    assert technology_from_liberty(path).nand2_area == pytest.approx(5 / 3, abs=1e-6)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_a_file_is_read_in_the_encodings_that_occur(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "mine.lib"
    path.write_bytes(f"/* µ */\r\n{generic_liberty()}".encode(encoding))
    assert technology_from_liberty(path).liberty == generic_technology().liberty


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
