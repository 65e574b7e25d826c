"""`make bench-cifar`: ResNet-20 pruned and quantized on CIFAR-10, into cifar.json and docs/results/cifar.md."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from joblib import delayed

from benchmarks.cifar.dense import dataset, weights_file
from benchmarks.cifar.entries import dense_entry, step_entry
from benchmarks.cifar.goals import goals_of
from benchmarks.cifar.jobs import Chain
from benchmarks.cifar.recipes import SEED, STEPS, WAVES, quick
from benchmarks.cifar.speed import golden_speed
from benchmarks.cifar.tables import write_page
from benchmarks.cifar.trained import TrainedNetworks
from benchmarks.cifar.untrained import METHODS, RATIOS, prune_untrained
from benchmarks.command import facts_of_run, run_command, run_jobs
from benchmarks.results import Results
from compress.base.files import write_text

__all__ = ["main"]

COMMAND = "make bench-cifar"


def main(
    out: Annotated[Path, typer.Option(help="Folder for results, models and finished work.")] = Path("build/bench"),
    page: Annotated[Path, typer.Option(help="The page to write.")] = Path("docs/results/cifar.md"),
    jobs: Annotated[int, typer.Option(help="Processes, one core each.")] = 2,
    measure_only: Annotated[bool, typer.Option(help="Train nothing: measure what is trained.")] = False,
    short: Annotated[bool, typer.Option("--quick", help="One epoch each, to try the benchmark itself.")] = False,
) -> None:
    """Run what is missing, then write cifar.json, a copy of it beside the page, and the page."""
    start, results = time.perf_counter(), Results(out)
    weights_file()
    dataset()
    steps = {name: quick(step) if short else step for name, step in STEPS.items()}
    chain = Chain(steps, TrainedNetworks(out / "cifar"))
    untrained = run_jobs(
        [
            (f"{method} {portion:.0%}", delayed(prune_untrained)(method, portion, results))
            for method in METHODS
            for portion in RATIOS
        ],
        jobs,
    )
    for wave in () if measure_only else WAVES:
        run_jobs([(f"{kind} {name}", delayed(chain.train)(kind, name)) for kind, name in wave], jobs)
    entries = run_jobs([(f"measure {name}", delayed(step_entry)(chain, name, results)) for name in steps], jobs)
    result: dict[str, Any] = {
        **facts_of_run(COMMAND, start, jobs, short),
        "seed": SEED,
        "dense": dense_entry(results),
        "steps": [entry for entry in entries if entry is not None],
        "untrained": untrained,
        "speed": golden_speed(results),
    }
    result["goals"] = goals_of(result)
    for path in (results.path("cifar.json"), page.with_suffix(".json")):
        write_text(path, json.dumps(result, indent=1))
    write_page(result, page)
    typer.echo(f"wrote {results.path('cifar.json')}, {page.with_suffix('.json')} and {page}")


if __name__ == "__main__":
    run_command(main)
