"""`make bench-rtl`: what the array reaches, into rtl.json and docs/results/array.md."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from joblib import Parallel, delayed

from benchmarks.array.cases import CASES, MASKS, Case
from benchmarks.array.costs import area_costs, bits_costs
from benchmarks.array.cycles import case_cycles
from benchmarks.array.goals import clock_ratio, judged
from benchmarks.array.loading import loading_entries
from benchmarks.array.network_cycles import network_entry
from benchmarks.array.networks import NETWORKS, NetworkCase
from benchmarks.array.pictures import write_picture
from benchmarks.array.tables import write_page
from benchmarks.array.verilog import Simulate, model_layers, on_verilog, simulate_case
from benchmarks.array.widths import width_costs
from benchmarks.command import run_command, run_jobs
from benchmarks.results import Results
from codesign.errors import MismatchError
from codesign.versions import versions
from compress.base.digests import digest_of_file
from compress.base.files import write_text

__all__ = ["check", "main", "measure_all"]

COMMAND = "make bench-rtl"
LENET = Path("examples/lenet5-305x.packed")


def main(
    out: Annotated[Path, typer.Option(help="Folder for results and finished work.")] = Path("build/bench"),
    page: Annotated[Path, typer.Option(help="The page to write.")] = Path("docs/results/array.md"),
    jobs: Annotated[int, typer.Option(help="Processes, one core each.")] = 2,
    lenet: Annotated[Path, typer.Option(help="The trained network: model.safetensors or a packed one.")] = LENET,
) -> None:
    """Run what is missing, then write rtl.json and the page; exit code 1 where Verilog and models differ."""
    results = Results(out)
    result = measure_all(CASES, NETWORKS, results, jobs, lenet, on_verilog)
    for path in (results.path("rtl.json"), page.parent / "rtl.json"):
        write_text(path, json.dumps(result, indent=1))
    write_picture(result, page.parent / "array")
    write_page(result, page)
    typer.echo(f"wrote {results.path('rtl.json')} and {page}")
    check(result)


def measure_all(
    cases: Sequence[Case],
    networks_of: Sequence[NetworkCase],
    results: Results,
    jobs: int,
    lenet: Path,
    simulate: Simulate,
) -> dict[str, Any]:
    """Everything in rtl.json. Simulations and syntheses run one at a time, since they are timed or use all cores."""
    start = time.perf_counter()
    layers = _cycles(cases, results, jobs)
    rtl = _simulations(cases, layers, results, simulate)
    typer.echo(f"simulating {lenet.name}", err=True)
    trained = model_layers(lenet, results, simulate)
    networks = run_jobs([(case.name, delayed(network_entry)(case, results)) for case in networks_of], jobs)
    result: dict[str, Any] = {
        "command": COMMAND,
        "seconds_of_this_run": time.perf_counter() - start,
        "machine": {"processor": platform.machine(), "jobs": jobs},
        "versions": versions(),
        "masks": MASKS,
        "networks": networks,
        "loading": loading_entries(networks, lenet, results),
        "layers": [*layers, *trained],
        "lenet": {"model": lenet.name, "sha256": digest_of_file(lenet)},
        "rtl": rtl,
        "area": area_costs(results),
        "widths": width_costs(results),
        "bits_over_entropy": bits_costs(),
    }
    return {**result, "clock_ratio": clock_ratio(result), "goals": judged(result)}


def check(result: dict[str, Any]) -> None:
    """MismatchError that names every layer whose Verilog differs from golden or cycle model."""
    simulated = [*result["rtl"], *result["layers"]]
    wrong = [e["name"] for e in simulated if e["rtl_equals_golden"] is False or e["model_equals_rtl"] is False]
    if wrong:
        raise MismatchError(f"Verilog and models differ: {', '.join(dict.fromkeys(wrong))}; the page says how")


def _cycles(cases: Sequence[Case], results: Results, jobs: int) -> list[dict[str, Any]]:
    found = Parallel(n_jobs=jobs, return_as="generator", batch_size=1)(
        delayed(case_cycles)(case, results) for case in cases
    )
    layers = []
    for number, (case, entry) in enumerate(zip(cases, found, strict=True), start=1):
        layers.append(entry)
        product = entry["speedup_times_density"]
        typer.echo(f"[{number}/{len(cases)}] {case.name}: {entry['format']}, {product:.3f}", err=True)
    return layers


def _simulations(
    cases: Sequence[Case], layers: list[dict[str, Any]], results: Results, simulate: Simulate
) -> list[dict[str, Any]]:
    """Every case that is to be simulated, in its best format; of random masks the dense layer beside it.

    The case's entry in ``layers`` learns of it.
    """
    found: list[dict[str, Any]] = []
    for at, case in enumerate(cases):
        if case.simulated:
            entry = _simulated(case, layers[at]["format"], results, simulate)
            shared = ("rtl_equals_golden", "model_equals_rtl", "simulated_cycles_per_second")
            layers[at] = {**layers[at], **{name: entry[name] for name in shared}, "rtl_note": None}
            found.append(entry)
            if case.mask == "random":
                found.append(_simulated(case, "dense", results, simulate))
    return found


def _simulated(case: Case, index: str, results: Results, simulate: Simulate) -> dict[str, Any]:
    typer.echo(f"simulating {case.name} in {index}", err=True)
    return simulate_case(case, index, results, simulate)


if __name__ == "__main__":
    run_command(main)
