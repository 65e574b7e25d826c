"""Map one module to a technology with Yosys and ABC: its area, its flip-flops, its longest combinational path.

One script for every module, chosen by measurement (docs/decisions/010-synthesis-script.md): Booth recoding only for
multipliers of two wide operands, clock gates for registers with an enable, restructurings for delay, then mapping,
buffering and sizing until no gate helps. Results depend on nothing but source, library, script and tool version, and
are cached by a hash of these.
"""

from __future__ import annotations

import atexit
import hashlib
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
from compress.base.plain_paths import plain_folder
from compress.base.sources import source_digest
from compress.base.store import Store
from flows.synthesis import yosys_child
from flows.synthesis.failures import failure

if TYPE_CHECKING:  # what is used of it is in the key, so its source need not be
    from flows.technology.clock_gates import ClockGate
    from flows.technology.technology import Technology

__all__ = ["TIMEOUT_S", "SynthesisResult", "script", "synthesize"]

TIMEOUT_S = 600.0

_ABC = (
    "strash;&get,-n;&st;&if,-g;&st;&if,-g;&st;&dch,-f;&nf;&put;"  # delay-oriented restructuring, then mapping for area
    "buffer,-c;topo;upsize;dnsize;stime"  # fan-out trees, sizes for delay, smaller where there is slack
)
_BOOTH_FROM_BITS = 12
_LEAST_GATED = 4  # a clock gate is as large as the multiplexers of three flip-flops
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


def script(top: str, language: str = "verilog", clock_gate: ClockGate | None = None) -> list[str]:
    """The Yosys commands for module ``top``, with ``library.lib`` and the source in the working folder.

    ``clock_gate`` serves registers of at least ``_LEAST_GATED`` bits with the same enable.
    """
    gated = []
    if clock_gate is not None:
        cell = f"{clock_gate.name} {clock_gate.enable}:{clock_gate.clock}:{clock_gate.output}"
        gated = [f"clockgate -pos {cell} -min_net_size {_LEAST_GATED}"]
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
        *gated,
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
        raise CodesignError(f"{top!r} is not a module name", "use letters, digits and underscores")
    commands = script(top, language, technology.clock_gate)
    library = [_digest(technology.liberty), *_figures(technology)]
    key = [source, top, language, library, commands, source_digest(__name__)]
    store = Store.shared("synthesis")
    found = store.get(key)
    if found is None:
        found = store.put(key, asdict(_run(source, top, technology, commands, language, timeout_s)))
    return SynthesisResult(**found)


@lru_cache(maxsize=8)
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _figures(technology: Technology) -> list[float]:
    return [technology.clk_to_q, technology.setup]


def _run(
    source: str, top: str, technology: Technology, commands: list[str], language: str, timeout_s: float
) -> SynthesisResult:
    with tempfile.TemporaryDirectory(prefix="codesign-", dir=plain_folder()) as name:
        folder = Path(name)
        (folder / _READERS[language][0]).write_text(source, encoding="utf-8")
        (folder / "library.lib").symlink_to(_library_file(technology))
        (folder / "script.json").write_text(json.dumps(commands), encoding="utf-8")
        _run_child(folder, top, technology.name, timeout_s)
        return _read_result(folder, top, technology)


@lru_cache(maxsize=1)
def _library_folder() -> Path:
    folder = tempfile.mkdtemp(prefix="codesign-liberty-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _library_file(technology: Technology) -> Path:
    """The library written once in this process; gone at its end."""
    with _LIBRARY_LOCK:
        path = _library_folder() / f"{_digest(technology.liberty)}.lib"
        if not path.exists():
            write_text(path, technology.liberty)
    return path


def _run_child(folder: Path, top: str, library: str, timeout_s: float) -> None:
    command: Sequence[str] = (sys.executable, str(Path(yosys_child.__file__)), str(folder))
    with (folder / "console.log").open("wb") as console:
        child = subprocess.Popen(
            command,
            stdout=console,
            stderr=console,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "TMPDIR": str(folder)},  # where ABC works, whose scripts take no spaces in paths
        )
        try:
            status = child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            cause = f"synthesis of {top!r} ran over {timeout_s:g} s"
            raise CodesignError(cause, "raise the time limit or synthesize a smaller module") from None
        finally:
            _end(child)
    if status:
        raise failure(folder, status, top, library)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Stop the child and the ABC it may have started."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _read_result(folder: Path, top: str, technology: Technology) -> SynthesisResult:
    stat: dict[str, Any] = json.loads(read_text(folder / "stat.json"))["design"]
    cells: dict[str, int] = stat.get("num_cells_by_type", {})
    registers = json.loads(read_text(folder / "registers.json"))["design"].get("num_cells_by_type", {})
    delay = _delay(folder)
    if delay <= 0 and technology.gates & cells.keys():
        cause = f"ABC reported no delay for {top!r}, mapped to gates of library {technology.name}"
        raise CodesignError(cause, "check the library's delay tables")
    return SynthesisResult(
        area=float(stat.get("area", 0.0)),
        delay=delay,
        period=technology.clk_to_q + delay + technology.setup,
        flip_flops=sum(count for name, count in registers.items() if "DFF" in name or "_FF_" in name),
        cells=dict(sorted(cells.items())),
    )


def _delay(folder: Path) -> float:
    """The longest path that ABC told last, in the library's ns; 0 where it was not called, for want of gates."""
    delays = re.findall(
        r"Delay\s*=\s*([\d.]+) ps", (folder / "yosys.log").read_text(encoding="utf-8", errors="replace")
    )
    return float(delays[-1]) / 1000 if delays else 0.0
