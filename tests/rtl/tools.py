"""Other people's tools, run on Verilog: no error, no warning."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sim.simulate.simulator import Simulator


def check_with_yosys(files: list[Path], top: str) -> None:
    paths = " ".join(map(str, files))
    script = f"read_verilog {paths}; hierarchy -check -top {top}; proc; check -assert"
    code = f"import pyosys.libyosys as ys; d = ys.Design(); ys.run_pass({script!r}, d)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]


def run_clean(command: list[str], simulator: Simulator | None) -> None:
    environment = simulator.environment() if simulator else None
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    messages = result.stdout + result.stderr
    assert result.returncode == 0, messages[-3000:]
    assert "warning" not in messages.lower().replace("warnings", ""), messages[-3000:]
