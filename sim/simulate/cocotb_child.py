"""Run cocotb's runner in a process of its own, so that its exits and prints stay there.

``python -m sim.simulate.cocotb_child`` reads one JSON request on standard input: ``{"build": {...}}`` or
``{"test": {...}}`` with the simulator's name and the arguments of ``cocotb_tools.runner.Runner.build`` or ``.test``.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from cocotb_tools import config
from cocotb_tools.runner import Runner, Verilator, get_runner

from compress.base.plain_paths import plain_path

__all__ = ["main"]


class _PortsOnly(Verilator):
    """Verilator that may optimize every signal but the top's ports, which a control file among the sources names.

    cocotb's own runner keeps all signals accessible, which costs compile time and half the simulation's speed.
    """

    def _build_command(self) -> list[Any]:
        return [[word for word in command if word != "--public-flat-rw"] for command in super()._build_command()]


def _runner(simulator: str) -> Runner:
    return _PortsOnly() if simulator == "verilator" else get_runner(simulator)


def _use_plain_paths() -> None:
    """Cocotb may be installed in a folder whose name make cannot read; it puts its own paths into makefiles.

    Its copy is gone when the simulation runs, so the library is found by the loader's search path.
    """
    libraries = str(config.libs_dir)
    config.libs_dir, config.share_dir = plain_path(config.libs_dir), plain_path(config.share_dir)
    if str(config.libs_dir) != libraries:
        os.environ["LD_LIBRARY_PATH"] = os.pathsep.join([libraries, os.environ.get("LD_LIBRARY_PATH", "")])


def main() -> None:
    """Do what standard input asks for; the exit code says whether it worked."""
    request: dict[str, Any] = json.load(sys.stdin)
    _use_plain_paths()
    runner = _runner(request["simulator"])
    try:
        getattr(runner, request["step"])(**request["arguments"])
    except RuntimeError as error:  # the tool has said more above
        sys.exit(str(error))


if __name__ == "__main__":
    main()
