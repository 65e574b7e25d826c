import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.lib.wiring import Component, In, Out

from compress.base.errors import CodesignError
from flows.synthesis import yosys as synthesis
from flows.synthesis.yosys import SynthesisResult, script, synthesize
from flows.technology.technology import generic_technology
from rtl.verilog import emit, emit_rtlil


class Mac(Component):
    """A multiply-accumulate with registered operands: what an array is made of."""

    def __init__(self, bits: int, acc_bits: int) -> None:
        self.acc_bits = acc_bits
        super().__init__({"weight": In(signed(bits)), "activation": In(bits), "total": Out(signed(acc_bits))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        weight, activation = Signal.like(self.weight), Signal.like(self.activation)
        m.d.sync += [weight.eq(self.weight), activation.eq(self.activation)]
        m.d.sync += self.total.eq(self.total + weight * activation)
        return m


def run(source: str, top: str = "top", **options: Any) -> SynthesisResult:
    return synthesize(source, top, generic_technology(), **options)


def test_a_mac_costs_its_registers_and_a_plausible_multiplier() -> None:
    result = run(emit(Mac(8, 24), "mac"), "mac")
    assert result.flip_flops == 8 + 8 + 24
    assert sum(count for name, count in result.cells.items() if name.startswith("DFF")) == result.flip_flops
    assert 800 < result.area < 1800
    assert 20 < result.delay < 50
    assert result.period == pytest.approx(result.delay + 3.8 + 1.6, abs=1e-4)


def test_verilog_and_rtlil_of_one_component_cost_the_same() -> None:
    verilog, rtlil = run(emit(Mac(4, 12), "mac"), "mac"), run(emit_rtlil(Mac(4, 12), "mac"), "mac", language="rtlil")
    assert rtlil.flip_flops == verilog.flip_flops
    assert rtlil.area == pytest.approx(verilog.area, rel=0.05)


def test_more_bits_cost_more_area_and_time() -> None:
    small, large = (run(emit(Mac(bits, 24), "mac"), "mac") for bits in (4, 8))
    assert large.area > small.area
    assert large.delay > small.delay


def test_temporary_files_may_be_in_a_folder_of_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ABC reads its scripts' paths word by word."""
    odd = tmp_path / "$HOME é' #1"
    odd.mkdir()
    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(odd))
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    assert run("module top(input a, b, output q); assign q = ~(a & b); endmodule").area > 0


def test_registers_alone_have_no_delay() -> None:
    result = run("module top(input clk, input [2:0] d, output reg [2:0] q); always @(posedge clk) q <= d; endmodule")
    assert (result.flip_flops, result.delay) == (3, 0.0)
    assert result.area == pytest.approx(3 * 17 / 3, abs=1e-5)


ENABLED = "module top(input clk, rst, en, input [{0}:0] d, output reg [{0}:0] q); always @(posedge clk) {1} endmodule"


def test_registers_with_an_enable_share_a_gated_clock() -> None:
    result = run(ENABLED.format(7, "if (en) q <= d;"))
    assert result.cells == {"CLKGATE_X8": 1, "DFF_X1": 8}
    assert (result.flip_flops, result.delay) == (8, 0.0)
    assert result.area == pytest.approx(8 * 17 / 3 + 7, abs=1e-5)


@pytest.mark.parametrize(
    ("bits", "body"), [(3, "if (en) q <= d;"), (8, "if (rst) q <= 0; else if (en) q <= d;")], ids=["few", "reset"]
)
def test_few_registers_and_those_with_a_reset_keep_their_multiplexers(bits: int, body: str) -> None:
    result = run(ENABLED.format(bits - 1, body))
    assert "CLKGATE_X8" not in result.cells
    assert result.delay > 0


def test_a_library_without_a_clock_gate_gets_multiplexers() -> None:
    without = replace(generic_technology(), clock_gate=None)
    result = synthesize(ENABLED.format(7, "if (en) q <= d;"), "top", without)
    assert "CLKGATE_X8" not in result.cells
    assert result.area > 8 * (17 / 3 + 2)


def test_gates_alone_have_no_registers() -> None:
    result = run("module top(input a, b, output y); assign y = ~(a & b); endmodule")
    assert result.cells == {"NAND2_X1": 1}
    assert (result.area, result.flip_flops) == (1.0, 0)
    assert result.delay > 0


LATCH = "module top(input en, d, output reg q); always @* if (en) q = d; endmodule"
TRISTATE = "module top(input en, d, output q); assign q = en ? d : 1'bz; endmodule"
UNDRIVEN = "module top(input a, output y); wire b; assign y = a & b; endmodule"
LOOP = "module top(input a, output y); wire b; assign b = ~(b & a); assign y = b; endmodule"
MISSING = "module top(input a, output y); other u(.a(a), .y(y)); endmodule"
BLANK = "module other(input a, output y); assign y = a; endmodule"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("module top(", "ERROR"),
        (LATCH, "latches are not supported"),
        (TRISTATE, "problems"),
        (UNDRIVEN, "problems"),
        (LOOP, "problems"),
        (MISSING, "other"),
        (BLANK, "top"),
    ],
    ids=["syntax", "latch", "tri-state", "undriven", "loop", "missing", "no-top"],
)
def test_a_source_that_makes_no_circuit_is_refused_with_the_tools_words(source: str, told: str) -> None:
    with pytest.raises(CodesignError, match=f"(?s)'top'.*{told}"):
        run(source)


def test_a_module_name_with_commands_in_it_is_refused() -> None:
    with pytest.raises(CodesignError, match="not a module name"):
        run(BLANK, "top; shell")


def test_a_child_that_is_killed_becomes_one_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "python"
    fake.write_text(f"#!{sys.executable}\nimport os, signal\nos.kill(os.getpid(), signal.SIGABRT)\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    with pytest.raises(CodesignError, match="killed by SIGABRT"):
        run(BLANK.replace("other", "top") + "// aborts")


def test_a_child_that_hangs_is_stopped_with_its_children(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {noted}\nwait\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    with pytest.raises(CodesignError, match=r"ran over 0\.5 s"):
        run(BLANK.replace("other", "top") + "// hangs", timeout_s=0.5)
    process = Path(f"/proc/{noted.read_text().strip()}/stat")
    deadline = time.monotonic() + 30  # a killed process ends when the kernel gets to it; the sleep would take 60 s
    while _runs(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(process)


def _runs(process: Path) -> bool:
    try:
        return process.read_text().split(") ")[1][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_result_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    source = "module top(input a, output y); assign y = ~a; endmodule // made once"
    first = run(source)
    monkeypatch.setattr(synthesis, "_run", lambda *_: pytest.fail("made again"))
    assert run(source) == first
    with pytest.raises(pytest.fail.Exception):
        run(source + " ")


def test_a_broken_cache_entry_is_made_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path))
    source = "module top(input a, output y); assign y = ~a; endmodule"
    first = run(source)
    (entry,) = (tmp_path / "synthesis").iterdir()
    entry.write_text(entry.read_text()[:40])
    assert run(source) == first
    assert isinstance(run(source), SynthesisResult)


def test_only_wide_multipliers_are_recoded() -> None:
    booth = next(command for command in script("top") if command.startswith("booth"))
    assert "A_WIDTH>=12" in booth
    assert "B_WIDTH>=12" in booth


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run("module top(input a, output y); assign y = ~a; endmodule // temporary")
    assert [path for path in tmp_path.iterdir() if not path.name.startswith("codesign-liberty")] == []
