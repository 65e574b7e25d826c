"""Map one module to a technology with Yosys and ABC: its area, its flip-flops, its longest combinational path.

One script for every module, chosen by measurement (docs/decisions/010-synthesis-script.md): Booth recoding only for
multipliers of two wide operands, three restructurings for delay, then mapping, buffering and sizing until no gate
helps. Results depend on nothing but source, library, script and tool version, and are cached by a hash of these.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.base.errors import CodesignError
from compress.base.files import read_text, write_text
from compress.base.sources import source_digest
from compress.base.store import Store
from flows.synthesis import yosys_child

if TYPE_CHECKING:  # what is used of it is in the key, so its source need not be
    from flows.technology.technology import Technology

__all__ = ["TIMEOUT_S", "SynthesisResult", "script", "synthesize"]

TIMEOUT_S = 600.0

_ABC = (
    "strash;&get,-n;&st;&if,-g;&st;&if,-g;&st;&dch,-f;&nf;&put;"  # delay-oriented restructuring, then mapping for area
    "buffer,-c;topo;upsize;dnsize;stime"  # fan-out trees, sizes for delay, smaller where there is slack
)
_BOOTH_FROM_BITS = 12
_REMEDY = "correct the source; latches, tri-states and undriven or looped wires cannot be mapped"
_LIBRARY_LOCK = threading.Lock()
_READERS = {"verilog": ("design.v", "read_verilog -sv"), "rtlil": ("design.il", "read_rtlil")}


@dataclass(frozen=True)
class SynthesisResult:
    """What one module costs.

    Members
    -------
    area : float
        In the technology's ``area_unit``.
    delay : float
        Longest path through gates alone, in its ``time_unit``; 0 for a module without gates.
    period : float
        Shortest clock period: clk-to-q + delay + setup.
    flip_flops : int
    cells : dict
        Library cell -> count.
    """

    area: float
    delay: float
    period: float
    flip_flops: int
    cells: dict[str, int]


def script(top: str, language: str = "verilog") -> list[str]:
    """The Yosys commands for module ``top``, with ``library.lib`` and the source in the working folder."""
    source, reader = _READERS[language]
    wide = f"t:$mul r:A_WIDTH>={_BOOTH_FROM_BITS} %i r:B_WIDTH>={_BOOTH_FROM_BITS} %i"
    return [
        f"{reader} {source}",
        "read_liberty -lib -ignore_miss_func -ignore_miss_dir library.lib",
        f"hierarchy -check -top {top}",
        "proc",
        "flatten",
        "tribuf",  # else Yosys takes a high-impedance value for a don't-care
        "check -assert",
        "opt -full",
        "wreduce",
        "peepopt",
        "opt_clean",
        f"booth {wide}",
        f"synth -flatten -top {top}",
        "tee -q -o registers.json stat -json",
        "dfflibmap -liberty library.lib",
        "opt",
        f"abc -liberty library.lib -script +{_ABC}",
        "opt_clean -purge",
        "check -assert -mapped",
        "tee -q -o stat.json stat -json -liberty library.lib",
    ]


def synthesize(
    source: str,
    top: str,
    technology: Technology,
    language: str = "verilog",
    timeout_s: float = TIMEOUT_S,
) -> SynthesisResult:
    """Area and delay of module ``top`` of ``source`` ("verilog" or "rtlil" text).

    Raises CodesignError with the tool's last lines where Yosys or ABC refuses the source, dies, or runs over
    ``timeout_s``.
    """
    if not re.fullmatch(r"[A-Za-z_]\w*", top):
        raise CodesignError(f"{top!r} is no module name", "use letters, digits and underscores")
    commands = script(top, language)
    key = [source, top, language, technology.digest, commands, _figures(technology), source_digest(__name__)]
    store = Store.shared("synthesis")
    found = store.get(key)
    if found is None:
        found = store.put(key, asdict(_run(source, top, technology, commands, language, timeout_s)))
    return SynthesisResult(**found)


def _figures(technology: Technology) -> list[float]:
    return [technology.clk_to_q, technology.setup]


def _run(
    source: str, top: str, technology: Technology, commands: list[str], language: str, timeout_s: float
) -> SynthesisResult:
    with tempfile.TemporaryDirectory(prefix="codesign-") as name:
        folder = Path(name)
        (folder / _READERS[language][0]).write_text(source, encoding="utf-8")
        (folder / "library.lib").symlink_to(_library_file(technology))
        (folder / "script.json").write_text(json.dumps(commands), encoding="utf-8")
        _run_child(folder, top, timeout_s)
        return _read_result(folder, technology)


@lru_cache(maxsize=1)
def _library_folder() -> Path:
    folder = tempfile.mkdtemp(prefix="codesign-liberty-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _library_file(technology: Technology) -> Path:
    """The library written once in this process; gone at its end."""
    with _LIBRARY_LOCK:
        path = _library_folder() / f"{technology.digest}.lib"
        if not path.exists():
            write_text(path, technology.liberty)
    return path


def _run_child(folder: Path, top: str, timeout_s: float) -> None:
    command: Sequence[str] = (sys.executable, str(Path(yosys_child.__file__)), str(folder))
    with (folder / "console.log").open("wb") as console:
        child = subprocess.Popen(
            command, stdout=console, stderr=console, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            status = child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            cause = f"synthesis of {top!r} ran over {timeout_s:g} s"
            raise CodesignError(cause, "raise the time limit or synthesize a smaller module") from None
        finally:
            _end(child)
    if status:
        raise CodesignError(f"synthesis of {top!r} failed ({_status(status)}):\n{_tail(folder)}", _REMEDY)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Stop the child and the ABC it may have started."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _status(status: int) -> str:
    return f"exit code {status}" if status > 0 else f"killed by {signal.Signals(-status).name}"


def _tail(folder: Path, lines: int = 8) -> str:
    texts = [
        path.read_text(encoding="utf-8", errors="replace")
        for path in (folder / "yosys.log", folder / "console.log")
        if path.exists()
    ]
    told = [line for text in texts for line in text.splitlines() if line.strip() and "Running command" not in line]
    errors = [line for line in told if "ERROR" in line]
    return "\n".join(errors[-1:] or told[-lines:])


def _read_result(folder: Path, technology: Technology) -> SynthesisResult:
    stat: dict[str, Any] = json.loads(read_text(folder / "stat.json"))["design"]
    cells: dict[str, int] = stat.get("num_cells_by_type", {})
    registers = json.loads(read_text(folder / "registers.json"))["design"].get("num_cells_by_type", {})
    delays = re.findall(
        r"Delay\s*=\s*([\d.]+) ps", (folder / "yosys.log").read_text(encoding="utf-8", errors="replace")
    )
    delay = float(delays[-1]) / 1000 if delays else 0.0
    return SynthesisResult(
        area=float(stat.get("area", 0.0)),
        delay=delay,
        period=technology.clk_to_q + delay + technology.setup,
        flip_flops=sum(count for name, count in registers.items() if "DFF" in name or "_FF_" in name),
        cells=dict(sorted(cells.items())),
    )
