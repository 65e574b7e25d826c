"""Random layers on random arrays: RTL against golden model and cycle model, as many cases as wanted.

``python -m tests.fuzz --cases 1000 --seed 7`` prints one line of counts and exits with 1 if anything differed. The same
seed gives the same cases.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from compress.errors import CodesignError
from compress.layer import CompressedLayer
from rtl.config import ArrayConfig
from rtl.indexformats import FORMATS
from sim.cycles import layer_cycles
from sim.pack import PackedLayer
from sim.tiles import Tiling, tile_layer
from tests.support import draw_activations, run_array, tiled_cases

__all__ = ["Tally", "fuzz", "main"]

MOST_RUNS, MOST_CYCLES = 6, 4000
"""Of one case, which keeps each at about a second."""

Run = Callable[[PackedLayer, NDArray[np.uint8]], tuple[NDArray[np.int16], int]]


@dataclass
class Tally:
    """What was tried: cases by kind, and each difference in words."""

    cases: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    mismatches: list[str] = field(default_factory=list)

    def add(self, tiling: Tiling, difference: str) -> None:
        """Count a case."""
        self.cases += 1
        self.kinds[type(tiling.config.index).__name__] += 1
        self.kinds["groups"] += tiling.layer.groups > 1
        self.kinds["several runs"] += len(tiling.runs) > tiling.layer.groups
        self.kinds["groups together"] += any(run.part.groups > 1 for run in tiling.runs)
        self.kinds[f"pooled by the {'array' if tiling.pooled else 'host'}"] += tiling.layer.pool is not None
        self.kinds["space to depth"] += any(run.part.folded for run in tiling.runs)
        if difference:
            self.mismatches.append(difference)


def fuzz(cases: int, seed_number: int, run: Run = run_array) -> Tally:
    """Try ``cases`` cases, ``run`` on each; a difference is counted and the next case follows."""
    tally = Tally()

    @seed(seed_number)
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(FORMATS).flatmap(tiled_cases), st.integers(0, 1 << 16))
    def check(case: tuple[CompressedLayer, ArrayConfig, int], number: int) -> None:
        layer, config, batch = case
        try:
            tiling = tile_layer(layer, config, batch)
        except CodesignError:  # larger than the array even in parts
            assume(False)
            return
        assume(len(tiling.runs) <= MOST_RUNS and tiling.cycles <= MOST_CYCLES)
        tally.add(tiling, _difference(tiling, draw_activations(layer, batch, number), run))

    check()
    return tally


def _difference(tiling: Tiling, activations: NDArray[np.uint8], run: Run) -> str:
    """What differs, and on what; empty if nothing does."""
    answers = [run(part.packed, tiling.inputs(part, activations)) for part in tiling.runs]
    wrong = int(np.count_nonzero(tiling.join([results for results, _ in answers]) != tiling.answer(activations)))
    lanes = tiling.config.requant_lanes
    counts = [
        (cycles, layer_cycles(part.packed.plan, lanes)) for part, (_, cycles) in zip(tiling.runs, answers, strict=True)
    ]
    slow = [f"{rtl} cycles, the model says {model}" for rtl, model in counts if rtl != model]
    if not wrong and not slow:
        return ""
    layer = tiling.layer
    return (
        f"{wrong} wrong outputs, {'; '.join(slow) or 'cycles equal'}: {tiling.config}, batch {tiling.batch}, levels "
        f"{layer.levels.shape} of {layer.groups} groups, input {layer.input_shape}, stride {layer.stride}, "
        f"padding {layer.padding}, pool {layer.pool}"
    )


def main(arguments: Sequence[str] | None = None, run: Run = run_array) -> int:
    """Exit code 0 if all cases agree, 1 if not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    tally = fuzz(options.cases, options.seed, run)
    for difference in tally.mismatches[:10]:
        print(difference)
    kinds = ", ".join(f"{name} {count}" for name, count in sorted(tally.kinds.items()) if count)
    print(f"seed {options.seed}: {tally.cases} cases, {len(tally.mismatches)} mismatches ({kinds})")
    return int(bool(tally.mismatches) or tally.cases == 0)


if __name__ == "__main__":
    sys.exit(main())
