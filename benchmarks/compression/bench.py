"""`make bench-compress`: what ADMM reaches, into compress.json and docs/results/compression.md."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from joblib import delayed

from benchmarks.command import facts_of_run, run_command, run_jobs
from benchmarks.compression.goals import goals_of
from benchmarks.compression.jobs import compare, details_of, prune_and_quantize, train_dense
from benchmarks.compression.pictures import draw_pictures
from benchmarks.compression.recipes import COMPARISONS, RECIPES, Comparison, Recipe, quick, quick_comparison
from benchmarks.compression.rows import merged, read_earlier
from benchmarks.compression.starts import train_start
from benchmarks.compression.tables import write_page
from benchmarks.compression.trial_list import TRIALS, quick_trial
from benchmarks.compression.trials import Trial, run_trial
from benchmarks.results import Results
from compress.base.errors import CodesignError
from compress.base.files import write_text
from compress.data.datasets import load_dataset
from compress.methods.costs import admm_step_ratio, projection_ratio
from compress.networks.registry import build_network

__all__ = ["main"]

COMMAND = "make bench-compress"
ALEXNET_FC1 = 37_748_736
COSTS = "compress.methods.costs"


def main(
    out: Annotated[Path, typer.Option(help="Folder for results, models and finished work.")] = Path("build/bench"),
    page: Annotated[Path, typer.Option(help="The page to write.")] = Path("docs/results/compression.md"),
    jobs: Annotated[int, typer.Option(help="Processes, one core each.")] = 2,
    only: Annotated[
        str,
        typer.Option(help="Only recipes, comparisons and trials whose name contains this; others stay as they are."),
    ] = "",
    short: Annotated[bool, typer.Option("--quick", help="One epoch each, to try the benchmark itself.")] = False,
) -> None:
    """Run what is missing, then write compress.json, a copy of it beside the page, and the page."""
    start, results = time.perf_counter(), Results(out)
    copy = page.parent / "compress.json"
    earlier = read_earlier(copy if only else None)
    recipes = [quick(recipe) if short else recipe for recipe in RECIPES]
    comparisons = [quick_comparison(found) if short else found for found in COMPARISONS]
    trials = [quick_trial(trial) if short else trial for trial in TRIALS]
    missing = {recipe.data: _missing(recipe.data) for recipe in recipes}
    missing |= {trial.start.name: trial.start.missing() for trial in trials}
    chosen, tried = _choose(recipes, trials, only, missing)
    runs = [(recipe, seed) for recipe in chosen for seed in recipe.seeds]
    pruned = [(recipe, seed) for recipe, seed in runs if recipe.steps]
    starts = {trial.start.name: trial.start for trial in tried}
    run_jobs(
        [
            *((_label(r, seed, "dense"), delayed(train_dense)(r, seed, results)) for r, seed in runs),
            *((f"{found.name} dense", delayed(train_start)(found, results)) for found in starts.values()),
        ],
        jobs,
    )
    points = run_jobs(
        [(_label(r, seed, "ADMM"), delayed(prune_and_quantize)(r, seed, results)) for r, seed in pruned], jobs
    )
    compared = run_jobs(_comparison_work(comparisons, chosen, results), jobs)
    lines = run_jobs([(trial.name, delayed(run_trial)(trial, results)) for trial in tried], jobs)
    result: dict[str, Any] = {
        **facts_of_run(COMMAND, start, jobs, short),
        "results": merged("results", earlier["results"], [entry for entries in points for entry in entries]),
        "comparisons": merged("comparisons", earlier["comparisons"], compared),
        "trials": merged("trials", earlier["trials"], lines),
        "missing": {data: reason for data, reason in missing.items() if reason},
        "costs": earlier.get("costs") or _costs(results),
    }
    result["goals"] = goals_of(result)
    details = {f"{recipe.name}-seed{seed}": details_of(recipe, seed, results) for recipe, seed in pruned}
    _write(result, details, results, page)


def _comparison_work(
    comparisons: Sequence[Comparison], chosen: Sequence[Recipe], results: Results
) -> list[tuple[str, Any]]:
    """A labelled job for each seed, ratio and method of the comparisons whose recipe is chosen."""
    by_name = {recipe.name: recipe for recipe in chosen}
    return [
        (
            f"{found.name} seed {seed} {method} {ratio:g}x",
            delayed(compare)(found, by_name[found.recipe], seed, ratio, method, results),
        )
        for found in comparisons
        if found.recipe in by_name
        for seed in found.seeds
        for ratio in found.ratios
        for method in found.methods
    ]


def _write(result: Mapping[str, Any], details: Mapping[str, Any], results: Results, page: Path) -> None:
    """Write compress.json, its copy, the page and its pictures."""
    for path in (results.path("compress.json"), page.parent / "compress.json"):
        write_text(path, json.dumps(result, indent=1))
    draw_pictures(result["results"], details, page.parent / "compression")
    write_page(result, page)
    typer.echo(f"wrote {results.path('compress.json')}, its copy beside the page, and {page}")


def _choose(
    recipes: Sequence[Recipe], trials: Sequence[Trial], only: str, missing: Mapping[str, str]
) -> tuple[list[Recipe], list[Trial]]:
    """Those that are asked for and have their data; a CodesignError for none, so that no page is written over."""
    asked = [recipe for recipe in recipes if only in recipe.name]
    tried = [trial for trial in trials if only in trial.name]
    if not asked and not tried:
        names = ", ".join(dict.fromkeys([*(recipe.name for recipe in recipes), *(trial.group for trial in trials)]))
        raise CodesignError(f"no recipe or trial has {only!r} in its name", f"choose from {names}")
    needed = [*(recipe.data for recipe in asked), *(trial.start.name for trial in tried)]
    if all(missing[name] for name in needed):
        reasons = "; ".join(dict.fromkeys(missing[name] for name in needed))
        raise CodesignError(reasons, "set CODESIGN_DATA to a folder with the data")
    return [recipe for recipe in asked if not missing[recipe.data]], [
        trial for trial in tried if not missing[trial.start.name]
    ]


def _missing(data: str) -> str:
    """Why a data set cannot be read; empty if it can."""
    try:
        load_dataset(data, seed=0)
    except CodesignError as error:
        return error.cause
    return ""


def _label(recipe: Recipe, seed: int, what: str) -> str:
    return f"{recipe.name} seed {seed} {what}"


def _costs(results: Results) -> dict[str, float]:
    """Ratios that are measured alone, when no other job of the benchmark runs."""
    if (found := results.get(COSTS, "costs", {})) is None:
        torch.set_num_threads(1)
        found = {
            "admm_step_ratio": admm_step_ratio(build_network("lenet5", 0), (1, 28, 28)),
            "projection_ratio": projection_ratio(ALEXNET_FC1),
        }
        results.put(COSTS, "costs", {}, found)
    return found


if __name__ == "__main__":
    run_command(main)
