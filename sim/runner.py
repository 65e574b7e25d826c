"""Run layers on a compiled array in cocotb and compare every output with the golden model."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.errors import CodesignError
from rtl.axi.top import ACCELERATOR
from rtl.generate import TOP
from sim.build import BuiltArray, run_child
from sim.cycles import layer_cycles
from sim.golden import run_layer
from sim.pack import PackedLayer

__all__ = ["LayerOutcome", "LayerRun", "Stalls", "run_layers"]

_BENCHES = {TOP: "sim.bench", ACCELERATOR: "sim.axi_bench"}


@dataclass(frozen=True)
class Stalls:
    """Random gaps on the ports: the fraction of cycles in which writes (loads) and results wait, from one seed."""

    writes: float = 0.0
    results: float = 0.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class LayerRun:
    """One packed layer with the inputs it shall run on, (N, C, H, W), N a multiple of the packed batch."""

    packed: PackedLayer
    activations: NDArray[np.uint8]
    stalls: Stalls = Stalls()


@dataclass(frozen=True)
class LayerOutcome:
    """What one layer did on the RTL.

    ``cycles`` has one count a batch, by the array's own counter; ``model_cycles`` is what the cycle model says
    of each. ``seconds`` is wall time in the simulator, loading included. Through AXI, ``counters`` has the counter
    registers after each batch, by name.
    """

    name: str
    outputs_compared: int
    mismatches: int
    cycles: tuple[int, ...]
    model_cycles: int
    stalled: bool
    simulated_cycles: int
    seconds: float
    first_mismatch: str
    counters: tuple[dict[str, int], ...] = field(default=())

    @property
    def bit_exact(self) -> bool:
        """Whether every output equals the golden model's."""
        return self.mismatches == 0 and self.outputs_compared > 0

    @property
    def cycle_exact(self) -> bool:
        """Whether every batch took the cycle model's count; stalled results take longer."""
        return self.stalled or all(count == self.model_cycles for count in self.cycles)


def run_layers(built: BuiltArray, runs: Sequence[LayerRun]) -> list[LayerOutcome]:
    """Load, run and read back each layer in one simulation, and compare with ``sim.golden``.

    A mismatch is in the outcome; only a simulation that does not finish is a CodesignError.
    """
    for run in runs:
        if run.packed.config != built.config:
            raise CodesignError(
                f"layer {run.packed.layer.name!r} was packed for another array", "pack it with the built array's config"
            )
    with tempfile.TemporaryDirectory(prefix="codesign-sim-") as folder:
        job, answer = Path(folder) / "job.pickle", Path(folder) / "answer.pickle"
        job.write_bytes(pickle.dumps([(run.packed, run.activations, run.stalls) for run in runs]))
        log = run_child(
            "test",
            built.simulator,
            {
                "test_module": _BENCHES[built.top],
                "hdl_toplevel": built.top,
                "hdl_toplevel_lang": "verilog",
                "build_dir": str(built.folder),
                "test_dir": folder,
                "results_xml": str(Path(folder) / "results.xml"),
                "timescale": ["1ns", "1ps"],
            },
            {"CODESIGN_SIM_JOB": str(job), "CODESIGN_SIM_ANSWER": str(answer)},
        )
        if not answer.exists():
            tail = "\n".join(log.strip().splitlines()[-15:])
            raise CodesignError(f"the simulation did not finish:\n{tail}", "rerun; report it if it stays")
        answers = pickle.loads(answer.read_bytes())
    return [_outcome(run, reply) for run, reply in zip(runs, answers, strict=True)]


def _outcome(run: LayerRun, answer: dict[str, Any]) -> LayerOutcome:
    packed = run.packed
    want = run_layer(packed.layer, run.activations)
    got = np.concatenate([packed.unpack_results(beats) for beats in answer["beats"]])
    wrong = np.argwhere(got != want)
    first = ""
    if len(wrong):
        at = tuple(int(i) for i in wrong[0])
        first = f"output {at} is {int(got[at])}, golden {int(want[at])}"
    return LayerOutcome(
        name=packed.layer.name,
        outputs_compared=int(want.size),
        mismatches=len(wrong),
        cycles=tuple(answer["cycles"]),
        model_cycles=layer_cycles(packed.plan, packed.config.requant_lanes),
        stalled=run.stalls.results > 0,
        simulated_cycles=answer["simulated_cycles"],
        seconds=answer["seconds"],
        first_mismatch=first,
        counters=tuple(answer.get("counters", ())),
    )
