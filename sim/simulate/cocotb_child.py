"""Run cocotb's runner in a process of its own, so that its exits and prints stay there.

``python -m sim.simulate.cocotb_child`` reads one JSON request on standard input: ``{"build": {...}}`` or
``{"test": {...}}`` with the simulator's name and the arguments of ``cocotb_tools.runner.Runner.build`` or ``.test``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from cocotb_tools.runner import Runner, Verilator, get_runner

__all__ = ["main"]


class _PortsOnly(Verilator):
    """Verilator that may optimize every signal but the top's ports, which a control file among the sources names.

    cocotb's own runner keeps all signals accessible, which costs compile time and half the simulation's speed.
    """

    def _build_command(self) -> list[Any]:
        return [[word for word in command if word != "--public-flat-rw"] for command in super()._build_command()]


def _runner(simulator: str) -> Runner:
    return _PortsOnly() if simulator == "verilator" else get_runner(simulator)


def main() -> None:
    """Do what standard input asks for; the exit code says whether it worked."""
    request: dict[str, Any] = json.load(sys.stdin)
    runner = _runner(request["simulator"])
    try:
        getattr(runner, request["step"])(**request["arguments"])
    except RuntimeError as error:  # the tool has said more above
        sys.exit(str(error))


if __name__ == "__main__":
    main()
