import re
from collections.abc import Callable
from pathlib import Path

import pytest

from compress.base.errors import CodesignError
from flows.synthesis import yosys as synthesis
from flows.synthesis.failures import failure
from flows.synthesis.yosys import synthesize
from flows.technology.generic_library import generic_liberty
from flows.technology.technology import Technology, generic_technology, technology_from_liberty

GATE = "module top(input a, b, output y); assign y = ~(a & b); endmodule"
RESET = """module top(input clk, rst, d, output reg q);
always @(posedge clk, posedge rst) if (rst) q <= 0; else q <= d; endmodule"""


@pytest.fixture
def told(tmp_path: Path) -> Callable[[str, str, int], str]:
    def tell(command: str, log: str, status: int = 1) -> str:
        (tmp_path / "command.txt").write_text(command, encoding="utf-8")
        (tmp_path / "yosys.log").write_text(log, encoding="utf-8")
        return str(failure(tmp_path, status, "pe", "vendor"))

    return tell


def test_abc_is_blamed_with_its_own_last_lines(told: Callable[[str, str, int], str]) -> None:
    log = "noise\nABC: + read_lib x\nABC: Assertion `size > 0' failed.\nABC: Aborted\nERROR: ABC: script failed\n"
    text = told("abc -liberty library.lib -script +x", log, 1)
    assert text.startswith("ABC failed to map 'pe' to library vendor (exit code 1):\nABC: Assertion `size > 0' failed.")
    assert "ERROR: ABC: script failed" in text
    assert "correct the source" not in text
    assert "noise" not in text


@pytest.mark.parametrize(
    "command", ["dfflibmap -liberty library.lib", "read_liberty -lib x", "tee -q -o stat.json stat"]
)
def test_yosys_is_blamed_where_it_maps(told: Callable[[str, str, int], str], command: str) -> None:
    text = told(command, "ERROR: no such flip-flop\n", -9)
    assert re.match(r"Yosys \(\w+\) failed to map 'pe' to library vendor \(killed by SIGKILL\):\nERROR: no such", text)


def test_the_source_is_blamed_before_the_mapping(told: Callable[[str, str, int], str]) -> None:
    text = told("read_verilog -sv design.v", "ERROR: syntax error\n", 1)
    assert text.startswith("synthesis of 'pe' failed (exit code 1):\nERROR: syntax error")
    assert "correct the source" in text


def library(folder: Path, text: str) -> Technology:
    path = folder / "vendor.lib"
    path.write_text(text, encoding="utf-8")
    return technology_from_liberty(path)


def test_a_reset_that_the_library_cannot_do_is_told_as_such(tmp_path: Path) -> None:
    assert "DFFR_X1" in synthesize(RESET, "top", generic_technology()).cells
    vendor = library(tmp_path, re.sub(r"(cell \(DFF[RS]_X1\) \{)", r"\1 dont_use : true;", generic_liberty()))
    with pytest.raises(CodesignError, match=r"(?s)dfflibmap.*'top' to library vendor.*_DFF_.*asynchronous resets"):
        synthesize(RESET, "top", vendor)


def test_gates_without_a_delay_are_an_error_and_no_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesis, "_delay", lambda folder: 0.0)
    with pytest.raises(CodesignError, match="ABC reported no delay for 'top', mapped to gates of library generic"):
        synthesize(GATE + " // no delay", "top", generic_technology())
