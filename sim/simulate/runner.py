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

from compress.base.errors import CodesignError
from rtl.names import ACCELERATOR, TOP
from sim.mapping.cycles import Chain, layer_cycles
from sim.mapping.pack import PackedLayer
from sim.mapping.tiles import Tiling
from sim.simulate.build import BuiltArray, run_child

__all__ = ["LayerOutcome", "LayerRun", "Stalls", "run_layers"]


@dataclass(frozen=True)
class Stalls:
    """Random gaps on the ports: fractions of cycles in which writes (loads) and results wait, from one seed."""

    writes: float = 0.0
    results: float = 0.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class LayerRun:
    """A tiled layer and its inputs (N, C, H, W), where N is a multiple of the batch it was tiled for."""

    tiling: Tiling
    activations: NDArray[np.uint8]
    stalls: Stalls = Stalls()


@dataclass(frozen=True)
class LayerOutcome:
    """What one layer did on the RTL.

    ``cycles`` has one count per batch, from the array's own counter, summed over the ``runs`` of the batch;
    ``model_cycles`` is the cycle model's count of each. ``miscounted`` is the number of runs, over all batches, whose
    count differs from the model's. ``pooling`` is "array" or "host", "" if there is none. ``seconds`` is wall time in
    the simulator, loading included. Through AXI, ``counters`` has the counter registers after each batch of each run,
    by name.
    """

    name: str
    outputs_compared: int
    mismatches: int
    cycles: tuple[int, ...]
    model_cycles: int
    runs: int
    miscounted: int
    stalled: bool
    simulated_cycles: int
    seconds: float
    first_mismatch: str
    pooling: str = ""
    counters: tuple[dict[str, int], ...] = field(default=())

    @property
    def bit_exact(self) -> bool:
        """Whether every output equals the golden model's."""
        return self.mismatches == 0 and self.outputs_compared > 0

    @property
    def cycle_exact(self) -> bool:
        """Whether every run took the cycle model's count; stalled results take longer."""
        return self.stalled or self.miscounted == 0


def run_layers(built: BuiltArray, runs: Sequence[LayerRun]) -> list[LayerOutcome]:
    """Load, run and read back each layer in one simulation, and compare with ``sim.golden.golden``.

    A mismatch is in the outcome; only a simulation that does not finish is a CodesignError.
    """
    for run in runs:
        if run.tiling.config != built.config:
            raise CodesignError(
                f"layer {run.tiling.layer.name!r} was packed for another array", "pack it with the built array's config"
            )
    with tempfile.TemporaryDirectory(prefix="codesign-sim-") as folder:
        job, answer = Path(folder) / "job.pickle", Path(folder) / "answer.pickle"
        job.write_bytes(pickle.dumps([entry for run in runs for entry in _entries(run)]))
        paths = {name: Path(folder) / f"{name}.txt" for name in ("commands", "answers")}
        log = run_child(
            "test",
            built.simulator,
            {
                "test_module": _bench(built.top),
                "hdl_toplevel": built.simulated_top,
                "hdl_toplevel_lang": "verilog",
                "build_dir": str(built.folder),
                "test_dir": folder,
                "results_xml": str(Path(folder) / "results.xml"),
                "timescale": ["1ns", "1ps"],
                "plusargs": [f"+{name}={path}" for name, path in paths.items()],
            },
            {"CODESIGN_SIM_JOB": str(job), "CODESIGN_SIM_ANSWER": str(answer)},
        )
        if not answer.exists():
            tail = "\n".join(log.strip().splitlines()[-15:])
            raise CodesignError(f"the simulation did not finish:\n{tail}", "run it again; report it if it repeats")
        answers = iter(pickle.loads(answer.read_bytes()))
    return [_outcome(run, [next(answers) for _ in run.tiling.runs]) for run in runs]


def _bench(top: str) -> str:
    """The module that cocotb runs within the simulator; imported here so that our results depend on its source."""
    from sim.simulate import axi_bench, bench

    return {TOP: bench, ACCELERATOR: axi_bench}[top].__name__


def _entries(run: LayerRun) -> list[tuple[PackedLayer, NDArray[np.uint8], Stalls]]:
    """What the bench does for a layer: each run with its part of every batch."""
    return [(part.packed, run.tiling.inputs(part, run.activations), run.stalls) for part in run.tiling.runs]


def _outcome(run: LayerRun, answers: list[dict[str, Any]]) -> LayerOutcome:
    tiling = run.tiling
    want = tiling.answer(run.activations)
    got = tiling.join(
        [
            np.concatenate([part.packed.unpack_results(beats) for beats in answer["beats"]])
            for part, answer in zip(tiling.runs, answers, strict=True)
        ]
    )
    cycles = np.array([answer["cycles"] for answer in answers])
    model = np.array([layer_cycles(part.packed.plan, Chain.of(tiling.config)) for part in tiling.runs])
    wrong = np.argwhere(got != want)
    first = ""
    if len(wrong):
        at = tuple(int(i) for i in wrong[0])
        first = f"output {at} is {int(got[at])}, golden {int(want[at])}"
    return LayerOutcome(
        name=tiling.layer.name,
        outputs_compared=int(want.size),
        mismatches=len(wrong),
        cycles=tuple(cycles.sum(axis=0).tolist()),
        model_cycles=int(model.sum()),
        runs=len(answers),
        miscounted=int(np.count_nonzero(cycles != model[:, None])),
        stalled=run.stalls.results > 0,
        simulated_cycles=sum(answer["simulated_cycles"] for answer in answers),
        seconds=sum(answer["seconds"] for answer in answers),
        first_mismatch=first,
        pooling="array" if tiling.pooled else "host" if tiling.layer.pool is not None else "",
        counters=tuple(counters for answer in answers for counters in answer.get("counters", ())),
    )
