"""Compile a generated array for simulation; equal sources are compiled once."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cocotb_tools.config import libs_dir

from compress.base.errors import CodesignError
from compress.base.files import read_text
from compress.base.plain_paths import plain_folder
from compress.base.sources import source_digest
from compress.base.store import Store
from rtl.config import ArrayConfig
from rtl.generate import FILE_LISTS, generate, load_config, load_names
from rtl.names import ACCELERATOR, PLAIN, TOP, ModuleNames
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
_PORTS = {
    TOP: ("clk", "rst", "progress", "finished", "stuck"),
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
    names: ModuleNames = PLAIN

    @property
    def simulated_top(self) -> str:
        """The module that cocotb sees."""
        return _simulated(self.top, self.names)


def build_array(config: ArrayConfig, folder: Path, simulator: str | None = None, top: str = TOP) -> BuiltArray:
    """Generate the Verilog of ``config`` into ``folder`` and compile it."""
    generate(config, folder)
    return compile_folder(folder, simulator, top)


def compile_folder(sources: Path, simulator: str | None = None, top: str = TOP) -> BuiltArray:
    """Compile ``top`` of the Verilog that ``rtl.generate`` wrote to ``sources``.

    The same text is compiled once for a kind of machine, a C++ compiler and an installation of cocotb: the program
    names the folder of cocotb's libraries.
    """
    config, names, tool = load_config(sources), load_names(sources), find_simulator(simulator)
    files = [sources / name for name in read_text(sources / FILE_LISTS[top], GENERATE_AGAIN).split()]
    try:
        texts = [path.read_bytes() for path in files]
    except OSError as error:
        raise CodesignError(f"cannot read the Verilog in {sources}: {error}", GENERATE_AGAIN) from error
    simulated, arguments = _simulated(top, names), list(_BUILD_ARGUMENTS[tool.name])
    if top == TOP:
        arguments.append(f"-DCODESIGN_ARRAY={names.array}")
        files, texts = [*files, SOURCE], [*texts, SOURCE.read_bytes()]
    step = {
        "hdl_toplevel": simulated,
        "build_args": arguments,
        "parameters": host_parameters(config) if top == TOP else {},
        "timescale": _TIMESCALE,
    }
    key = {
        "texts": [hashlib.sha256(text).hexdigest() for text in texts],
        "step": step,
        "access": _access(simulated, top),
        "simulator": [tool.name, tool.version],
        "bound to": [platform.system(), platform.machine(), tool.compiler, str(libs_dir)],
        "source": source_digest(cocotb_child.__name__, Simulator.__module__),
    }
    folder = Store.shared("simulations").files(
        key, lambda made: _compile(step, tool, files, _access(simulated, top), made)
    )
    return BuiltArray(config, sources, folder, tool, top, names)


def _simulated(top: str, names: ModuleNames) -> str:
    """Module that is simulated for each top: the array alone gets a host around it."""
    return HOST if top == TOP else names.accelerator


def _access(module: str, top: str) -> str:
    """Verilator's control file that keeps the ports of the simulated ``module``."""
    lines = (f'public_flat_rw -module "{module}" -var "{port}"\n' for port in _PORTS[top])
    return "`verilator_config\n" + "".join(lines)


def _compile(step: dict[str, Any], tool: Simulator, files: list[Path], access_text: str, folder: Path) -> None:
    """Compile copies of ``files``, and move all to ``folder``.

    Verilator and make read ``$``, spaces and quotes in a path in their own ways. They work in a folder whose path
    has none of these, wherever the sources and the store are.
    """
    with tempfile.TemporaryDirectory(prefix="codesign-build-", dir=plain_folder()) as work:
        copies = [shutil.copy(path, work) for path in files]
        access = Path(work) / "access.vlt"
        access.write_text(access_text, encoding="utf-8")
        control = [str(access)] if tool.name == "verilator" else []
        run_child(
            "build",
            tool,
            {**step, "sources": [*control, *copies], "build_dir": work, "always": True},
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
