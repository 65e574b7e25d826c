"""Compile a generated array for simulation; equal sources are compiled once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress.base.errors import CodesignError
from compress.base.files import read_text
from compress.base.plain_paths import plain_folder
from compress.base.sources import source_digest
from compress.base.store import Store
from rtl.axi.top import ACCELERATOR
from rtl.config import ArrayConfig
from rtl.generate import FILE_LISTS, TOP, generate, load_config
from sim.simulate import cocotb_child
from sim.simulate.host import HOST, SOURCE, host_parameters
from sim.simulate.simulator import Simulator, find_simulator

__all__ = ["BuiltArray", "build_array", "compile_folder", "run_child"]

GENERATE_AGAIN = "run `codesign generate` again"

_BUILD_ARGUMENTS = {
    "verilator": ["-Wno-WIDTHTRUNC", "-Wno-WIDTHEXPAND", "--x-initial", "0", "-O3"],
    "icarus": ["-g2012"],
}
_TIMESCALE = ["1ns", "1ps"]
_SIMULATED = {TOP: HOST, ACCELERATOR: ACCELERATOR}
"""Module that is simulated for each top: the array alone gets a host around it."""

_PORTS = {
    HOST: ("clk", "rst", "progress", "finished", "stuck"),
    ACCELERATOR: ("aclk", "aresetn", "irq", "s_axi_*", "s_axis_*", "m_axis_*"),
}


@dataclass(frozen=True)
class BuiltArray:
    """A compiled simulation of the array in ``sources``: of ``pe_array`` itself, or of the accelerator around it."""

    config: ArrayConfig
    sources: Path
    folder: Path
    simulator: Simulator
    top: str = TOP

    @property
    def simulated_top(self) -> str:
        """The module that cocotb sees."""
        return _SIMULATED[self.top]


def build_array(config: ArrayConfig, folder: Path, simulator: str | None = None, top: str = TOP) -> BuiltArray:
    """Generate the Verilog of ``config`` into ``folder`` and compile it."""
    generate(config, folder)
    return compile_folder(folder, simulator, top)


def compile_folder(sources: Path, simulator: str | None = None, top: str = TOP) -> BuiltArray:
    """Compile ``top`` of the Verilog that ``rtl.generate`` wrote to ``sources``; the same text is compiled once."""
    config = load_config(sources)
    tool = find_simulator(simulator)
    files = [sources / name for name in read_text(sources / FILE_LISTS[top], GENERATE_AGAIN).split()]
    try:
        texts = [path.read_bytes() for path in files]
    except OSError as error:
        raise CodesignError(f"cannot read the Verilog in {sources}: {error}", GENERATE_AGAIN) from error
    simulated = _SIMULATED[top]
    if simulated == HOST:
        files, texts = [*files, SOURCE], [*texts, SOURCE.read_bytes()]
    parameters = host_parameters(config) if simulated == HOST else {}
    key = {
        "texts": [hashlib.sha256(text).hexdigest() for text in texts],
        "top": simulated,
        "access": _access(simulated),
        "arguments": _BUILD_ARGUMENTS[tool.name],
        "parameters": parameters,
        "simulator": [tool.name, tool.version],
        "timescale": _TIMESCALE,
        "source": source_digest(cocotb_child.__name__, Simulator.__module__),
    }
    folder = Store.shared("simulations").files(key, lambda made: _compile(simulated, files, made, tool, parameters))
    return BuiltArray(config, sources, folder, tool, top)


def _access(top: str) -> str:
    """Verilator's control file that keeps the top's ports."""
    return "`verilator_config\n" + "".join(f'public_flat_rw -module "{top}" -var "{port}"\n' for port in _PORTS[top])


def _compile(top: str, files: list[Path], folder: Path, tool: Simulator, parameters: dict[str, int]) -> None:
    """Compile copies of ``files``, and move all to ``folder``.

    Verilator and make read ``$``, spaces and quotes in a path in their own ways. They work in a folder whose path
    has none of these, wherever the sources and the store are.
    """
    with tempfile.TemporaryDirectory(prefix="codesign-build-", dir=plain_folder()) as work:
        copies = [shutil.copy(path, work) for path in files]
        access = Path(work) / "access.vlt"
        access.write_text(_access(top), encoding="utf-8")
        control = [str(access)] if tool.name == "verilator" else []
        run_child(
            "build",
            tool,
            {
                "sources": [*control, *copies],
                "hdl_toplevel": top,
                "build_dir": work,
                "build_args": _BUILD_ARGUMENTS[tool.name],
                "parameters": parameters,
                "timescale": _TIMESCALE,
                "always": True,
            },
        )
        shutil.copytree(work, folder, dirs_exist_ok=True)


def run_child(step: str, tool: Simulator, arguments: dict[str, Any], extra: dict[str, str] | None = None) -> str:
    """One step of cocotb's runner in a child process: what it printed, or a CodesignError with the end of that."""
    environment = {**tool.environment(), **(extra or {})}
    environment.pop("PYTEST_CURRENT_TEST", None)  # cocotb's runner exits differently when it sees it
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), environment.get("PYTHONPATH", "")])
    request = json.dumps({"simulator": tool.name, "step": step, "arguments": arguments})
    child = subprocess.run(
        [sys.executable, "-m", cocotb_child.__name__],
        input=request,
        encoding="utf-8",
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
    )
    if child.returncode:
        tail = "\n".join(child.stdout.strip().splitlines()[-12:])
        raise CodesignError(
            f"{tool.name} failed to {step} (exit code {child.returncode}):\n{tail}",
            "check the compiler installation; the lines above are the tool's own",
        )
    return child.stdout
