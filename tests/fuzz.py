"""Random layers on random arrays: RTL against golden model and cycle model, as many cases and processes as wanted.

``python -m tests.fuzz --cases 1000 --seed 7`` tells each difference with the command that repeats it, then one line of
counts, and exits with 1 if anything differed. A seed and a number make a case, whatever the number of processes.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count, islice

import numpy as np
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from joblib import Parallel, delayed
from numpy.typing import NDArray

from codesign.console import RunConsole
from compress.base.errors import CodesignError
from compress.base.progress import Update
from compress.model.layer import CompressedLayer
from rtl.config import ArrayConfig
from rtl.formats.registry import FORMATS
from sim.mapping.cycles import Chain, layer_cycles
from sim.mapping.pack import PackedLayer
from sim.mapping.tiles import Tiling, tile_layer
from tests.drawn import draw_activations, tiled_cases
from tests.sequences import Step, predicted, run_steps, tiling_steps
from tests.support import run_array

__all__ = ["Case", "Tally", "cases", "main", "simulated_sequence", "try_all"]

MOST_RUNS, MOST_CYCLES = 6, 4000
"""Of one case, which keeps each at about a second."""

BLOCK = 25
"""Cases that are drawn together."""

STREAMED = 4
"""One case in so many runs behind its AXI ports too: a sequence of all runs of two batches, from the load stream."""

Run = Callable[[PackedLayer, NDArray[np.uint8]], tuple[NDArray[np.int16], int]]
"""Results of a run of the array, and its cycles."""

RunSequence = Callable[[list[Step]], tuple[list[NDArray[np.int16]], int]]
"""Results of each step of a sequence, and the cycles of all of it."""


@dataclass(frozen=True, eq=False)
class Case:
    """The ``number``-th layer of a seed, divided for its array, and what its activations are drawn from."""

    number: int
    tiling: Tiling
    activations_seed: int

    @property
    def activations(self) -> NDArray[np.uint8]:
        """Of two batches."""
        return draw_activations(self.tiling.layer, 2 * self.tiling.batch, self.activations_seed)

    @cached_property
    def steps(self) -> list[Step]:
        """The sequence that the load stream starts; empty for most cases, and where it is long."""
        if self.number % STREAMED:
            return []
        steps = tiling_steps(self.tiling, self.activations)
        return steps if predicted(steps).total <= MOST_CYCLES else []

    @property
    def kinds(self) -> list[str]:
        """What it is a case of."""
        layer, runs = self.tiling.layer, self.tiling.runs
        marks = {
            "groups": layer.groups > 1,
            "several runs": len(runs) > layer.groups,
            "groups together": any(run.part.groups > 1 for run in runs),
            "pooled by the array": layer.pool is not None and self.tiling.pooled,
            "pooled by the host": layer.pool is not None and not self.tiling.pooled,
            "space to depth": any(run.part.folded for run in runs),
            "subarrays": any(run.part.subarrays > 1 for run in runs),
            "powers of two": self.tiling.config.levels == "powers",
            "rows in lock-step": self.tiling.config.lockstep,
            "lines or taps as channels": any(run.part.unrolled for run in runs),
            "deeper chain": self.tiling.config.chain_depth > 1,
            "two buffers": self.tiling.config.buffers == 2,
            "queued sequence": bool(self.steps),
            "dilation": layer.dilation != (1, 1),
            "unequal padding": layer.padding_end not in (None, layer.padding),
            "input zero point": layer.input_zero_point > 0,
        }
        return [type(self.tiling.config.index).__name__, *(kind for kind, is_one in marks.items() if is_one)]


@dataclass
class Tally:
    """What was tried: cases by kind, and each difference in words."""

    cases: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    mismatches: list[str] = field(default_factory=list)

    def add(self, kinds: Iterable[str], difference: str) -> None:
        """Count a case."""
        self.cases += 1
        self.kinds.update(kinds)
        if difference:
            self.mismatches.append(difference)

    def __str__(self) -> str:
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(self.kinds.items()))
        return f"{self.cases} cases, {len(self.mismatches)} mismatches ({kinds})"


def cases(seed_number: int, first: int = 0) -> Iterator[Case]:
    """The cases of a seed from number ``first`` on, without an end."""
    for block in count(first // BLOCK):
        for place, (tiling, activations_seed) in enumerate(_draw_block(seed_number, block)):
            number = block * BLOCK + place
            if number >= first:
                yield Case(number, tiling, activations_seed)


def _draw_block(seed_number: int, block: int) -> list[tuple[Tiling, int]]:
    """``BLOCK`` cases from Hypothesis, without its first, which is the smallest one for every seed."""
    drawn: list[tuple[Tiling, int]] = []

    @seed(f"{seed_number}/{block}")
    @settings(
        max_examples=BLOCK + 1,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(FORMATS).flatmap(tiled_cases), st.integers(0, 1 << 16))
    def draw(case: tuple[CompressedLayer, ArrayConfig, int], activations_seed: int) -> None:
        try:
            tiling = tile_layer(*case)
        except CodesignError:  # larger than the array even in parts
            assume(False)
            return
        assume(len(tiling.runs) <= MOST_RUNS and tiling.cycles <= MOST_CYCLES)
        drawn.append((tiling, activations_seed))

    draw()
    return drawn[1:]


def try_all(
    chosen: Iterable[Case], run: Run, run_sequence: RunSequence, jobs: int
) -> Iterator[tuple[int, list[str], str]]:
    """Number, kinds and difference of each case, in order."""
    parallel = Parallel(n_jobs=jobs, return_as="generator", batch_size=1)
    answers: Iterator[tuple[int, list[str], str]] = parallel(delayed(_try)(case, run, run_sequence) for case in chosen)
    return answers


def _try(case: Case, run: Run, run_sequence: RunSequence) -> tuple[int, list[str], str]:
    activations = case.activations[: case.tiling.batch]
    return case.number, case.kinds, _difference(case, activations, run) or _sequence_difference(case, run_sequence)


def _sequence_difference(case: Case, run_sequence: RunSequence) -> str:
    """What differs in the sequence; empty if nothing does."""
    if not case.steps:
        return ""
    results, total = run_sequence(case.steps)
    wrong = sum(
        int(np.count_nonzero(got != step.packed.answer(step.activations)))
        for step, got in zip(case.steps, results, strict=True)
    )
    expected = predicted(case.steps).total
    if not wrong and total == expected:
        return ""
    return f"{wrong} wrong outputs in a sequence of {total} cycles, the model says {expected}: {case.tiling.config}"


def simulated_sequence(steps: list[Step]) -> tuple[list[NDArray[np.int16]], int]:
    """On the accelerator, a packet for each step."""
    outcome = run_steps(steps)
    return outcome.results(steps), outcome.counters["TOTAL_CYCLES"]


def _difference(case: Case, activations: NDArray[np.uint8], run: Run) -> str:
    """What differs, and on what; empty if nothing does."""
    tiling = case.tiling
    answers = [run(part.packed, tiling.inputs(part, activations)) for part in tiling.runs]
    wrong = int(np.count_nonzero(tiling.join([results for results, _ in answers]) != tiling.answer(activations)))
    chain = Chain.of(tiling.config)
    counts = [
        (cycles, layer_cycles(part.packed.plan, chain)) for part, (_, cycles) in zip(tiling.runs, answers, strict=True)
    ]
    slow = [f"{rtl} cycles, the model says {model}" for rtl, model in counts if rtl != model]
    if not wrong and not slow:
        return ""
    layer = tiling.layer
    return (
        f"{wrong} wrong outputs, {'; '.join(slow) or 'cycles equal'}: {tiling.config}, batch {tiling.batch}, levels "
        f"{layer.levels.shape} of {layer.groups} groups, input {layer.input_shape}, stride {layer.stride}, "
        f"padding {layer.padding} {layer.padding_end}, dilation {layer.dilation}, pool {layer.pool}, "
        f"zero point {layer.input_zero_point}"
    )


def main(
    arguments: Sequence[str] | None = None, run: Run = run_array, run_sequence: RunSequence = simulated_sequence
) -> int:
    """Exit code 0 if all cases agree, 1 if not, 130 if stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    tally, stopped = Tally(), False
    chosen = islice(cases(options.seed, options.first), options.cases)
    console = RunConsole()
    try:
        with console.stage("fuzz"):
            for number, kinds, difference in try_all(chosen, run, run_sequence, options.jobs):
                tally.add(kinds, difference)
                if difference:
                    again = f"python -m tests.fuzz --seed {options.seed} --first {number} --cases 1"
                    print(f"{difference}\n    again: {again}", flush=True)
                console.progress(Update("cases", tally.cases, options.cases, {"mismatches": len(tally.mismatches)}))
    except KeyboardInterrupt:
        stopped = True
    print(f"seed {options.seed}: {tally}{', stopped' if stopped else ''}")
    return 130 if stopped else int(bool(tally.mismatches) or tally.cases == 0)


if __name__ == "__main__":
    sys.exit(main())
