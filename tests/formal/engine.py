"""Proofs without a bound: Yosys makes a netlist of a harness, ABC's PDR (IC3) proves its properties or finds a trace.

Both come with pyosys; see docs/decisions/041-formal-engine.md.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyosys
from amaranth.hdl import Assume, Elaboratable, Module, Mux, Signal, Value, ValueLike
from amaranth.lib.wiring import Component, In, Out

from rtl.verilog import emit_rtlil

__all__ = ["Harness", "In", "Proof", "mutations", "prove", "yosys"]

TOP = "proof"
LIMIT_S = 300
FAULT_LIMIT_S = 8
MOST_PROPERTIES = 32

_NETLIST = """
prep -flatten -nordff -top {top}; chformal -lower; memory_map; opt -full
async2sync; dffunmap; techmap; simplemap; opt_expr; opt_merge; aigmap; opt_clean
setundef -undriven -anyseq; write_aiger -zinit {out}
"""


class Harness(Component):
    """A component under test among assumptions and named properties; its ports are free inputs, as is its reset.

    Each bit of ``bad`` says that a property does not hold.
    """

    def __init__(self, ports: dict[str, Any]) -> None:
        self.names: list[str] = []
        super().__init__({**ports, "bad": Out(MOST_PROPERTIES)})

    @abstractmethod
    def build(self, m: Module) -> None:
        """Put the component under test into ``m.submodules.dut``, then assume and check."""

    def elaborate(self, platform: Any) -> Elaboratable:
        m = Module()
        self.names = []
        self.build(m)
        return m

    def check(self, m: Module, name: str, holds: ValueLike) -> None:
        """State a property of every cycle."""
        m.d.comb += self.bad[len(self.names)].eq(~Value.cast(holds).bool())
        self.names.append(name)

    def assume(self, m: Module, holds: ValueLike) -> None:
        """Leave out every trace in which this does not hold."""
        m.d.comb += Assume(holds)

    def before(self, m: Module, value: Any, name: str) -> Signal:
        """``value`` a cycle ago, zero in the first one."""
        late = Signal.like(value, name=name, init=0)
        m.d.sync += late.eq(value)
        return late

    def constant(self, m: Module, port: Signal, name: str) -> Signal:
        """An arbitrary value of ``port``'s width that does not change."""
        chosen = Signal(name=f"{name}_chosen", reset_less=True)
        kept = Signal.like(port, name=f"{name}_kept", reset_less=True)
        value = Signal.like(port, name=name)
        m.d.comb += value.eq(Mux(chosen, kept, port))
        m.d.sync += [chosen.eq(1), kept.eq(value)]
        return value


@dataclass(frozen=True)
class Proof:
    """A harness by name, made anew for each run; faults are put into the modules that match ``faulty``."""

    name: str
    harness: Callable[[], Harness]
    faulty: str = f"{TOP}.*"

    def source(self) -> tuple[str, list[str]]:
        """RTLIL of the harness, and its properties in the order of their bits."""
        harness = self.harness()
        return emit_rtlil(harness, TOP), harness.names


def prove(proof: Proof, mutation: str = "") -> dict[str, int | None]:
    """For each property the cycle of the trace that breaks it, None where it is proved.

    With a ``mutation``, of ``mutations``, of the component under test, None also where no trace was found in time: a
    fault may turn a proof into one that takes for ever.
    """
    with tempfile.TemporaryDirectory(prefix="codesign-formal-") as folder:
        source, netlist = Path(folder) / "proof.il", Path(folder) / "proof.aig"
        text, names = proof.source()
        source.write_text(text)
        steps = _NETLIST.format(top=TOP, out=netlist)
        yosys(f"read_rtlil {source}; {mutation}; {steps}")
        broken = _broken_outputs(proof.name, netlist, decides=not mutation)
        return {name: broken.get(bit) for bit, name in enumerate(names)}


def mutations(proof: Proof, count: int, seed: int = 1) -> list[str]:
    """``count`` small faults of the component under test, as Yosys commands: an inverted, constant or wrong bit."""
    with tempfile.TemporaryDirectory(prefix="codesign-formal-") as folder:
        source, out = Path(folder) / "proof.il", Path(folder) / "mutations"
        source.write_text(proof.source()[0])
        yosys(f"read_rtlil {source}; proc; mutate -list {count} -seed {seed} -o {out} {proof.faulty}")
        return [f"proc; {line}" for line in out.read_text().splitlines() if line.startswith("mutate")]


def yosys(script: str) -> None:
    """Run Yosys in a process of its own."""
    script = script.replace("\n", ";")
    child = subprocess.run([sys.executable, "-c", _CHILD], input=script, capture_output=True, text=True)
    assert child.returncode == 0, f"{script}\n{child.stdout[-2000:]}{child.stderr[-2000:]}"


_CHILD = """
import sys, pyosys.libyosys as ys
design = ys.Design()
for step in sys.stdin.read().split(";"):
    if step.strip():
        ys.run_pass(step.strip(), design)
"""


def _broken_outputs(name: str, netlist: Path, decides: bool) -> dict[int, int]:
    """By ABC's PDR: which outputs can be one, and in which cycle; each is decided, if it ``decides``."""
    abc = str(Path(pyosys.__file__).parent / "yosys-abc")
    script = f"read_aiger {netlist}; fold; strash; pdr -a -v -T {LIMIT_S if decides else FAULT_LIMIT_S}"
    said = subprocess.run([abc, "-c", script], capture_output=True, text=True).stdout
    refuted = r"Output +(\d+) was (?:trivially )?asserted in frame +(\d+)"
    broken = {int(output): int(frame) for output, frame in re.findall(refuted, said)}
    if not decides:
        return broken
    summary = re.search(r"Proved = (\d+)\. Disproved = (\d+)\. Undecided = 0\.", said)
    assert summary, f"{name}: neither proved nor refuted\n{said[-2000:]}"
    assert [int(count) for count in summary.groups()] == [MOST_PROPERTIES - len(broken), len(broken)], said[-2000:]
    return broken
