"""docs/results/array.md: every figure of rtl.json, beside the papers'."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.array.goals import judged, pruned_like_the_papers
from benchmarks.array.loading_tables import loading
from benchmarks.array.losses import losses
from benchmarks.array.network_tables import networks
from benchmarks.goals import goals_table
from benchmarks.markdown import markdown_table
from benchmarks.papers import ALEXNET_LAYERS, SCNN_AREA
from compress.base.files import write_text

__all__ = ["page", "write_page"]

Entry = Mapping[str, Any]
Result = Mapping[str, Any]


def write_page(result: Result, path: Path) -> None:
    """Write the page of a result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, page(result))


def page(result: Result) -> str:
    """The page as Markdown."""
    alexnet = [entry for entry in result["layers"] if "density_asked" in entry]
    trained = [entry for entry in result["layers"] if "density_asked" not in entry]
    parts = [
        _head(result),
        "## Goals\n",
        goals_table(judged(result)),
        "## Whole networks\n",
        networks(result["networks"]),
        "## Loading\n",
        loading(result["loading"]),
        "## Beside the papers\n",
        _papers(result, alexnet),
        "![Speedup times density by layer and mask](array/layers.png)\n",
        "## AlexNet, layer by layer\n",
        _masks(result["masks"]),
        *(f"### {bits}-bit levels\n\n{_layers(alexnet, bits)}" for bits in (8, 4)),
        "### The dense array\n",
        _dense(alexnet),
        "## LeNet-5 as trained and pruned here\n",
        _trained(trained, result["lenet"]),
        "## On the Verilog\n",
        _rtl([*result["rtl"], *trained]),
        "## Index formats\n",
        _area(result["area"]),
        _bits(result["bits_over_entropy"]),
        _wins(result["layers"]),
        "## Where sparse loses\n",
        losses(result, alexnet),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _head(result: Result) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return (
        "# What the array reaches\n\n"
        f"Made by `{result['command']}` from `rtl.json`; do not edit. {versions}.\n\n"
        "Sparse and dense array have the same number of PEs. *Speedup x density* is 1 where each nonzero costs exactly "
        "what a weight costs the dense array. Cycles are the exact cycle model's, loading only under *Loading*; "
        "*On the Verilog* has the layers in which output by output and cycle by cycle was compared. Real masks and "
        "whole networks come first, the worst layer beside the whole.\n"
    )


def _papers(result: Result, alexnet: Sequence[Entry]) -> str:
    rows = []
    for name, paper in ALEXNET_LAYERS.items():
        here = {
            entry["mask"]: entry
            for entry in alexnet
            if entry["name"] == name and pruned_like_the_papers(entry) and entry["weight_bits"] == 8
        }
        if here:
            cells = [_speedup(here[mask]) if mask in here else "" for mask in ("random", "balanced")]
            rows.append(
                [
                    name,
                    f"{100 * paper.density:.1f} %",
                    f"{paper.speedup:g}x ({paper.speedup * paper.density:.2f})",
                    *cells,
                ]
            )
    used = {entry["format"] for entry in alexnet}
    areas = [e["row_ratio"] for e in result["area"] if e["format"] in used and e["weight_bits"] == 8]
    text = "Speedup over the dense array of as many PEs, speedup x density in brackets, 8-bit levels:\n\n"
    text += markdown_table(["layer", "density, 003 T8", "003 T9, Ours1", "here, random", "here, balanced"], rows)
    if areas:
        text += (
            f"\nWhat sparsity adds to the logic: {_percent(min(areas))} to {_percent(max(areas))} of a row here, in "
            f"the formats in use and without SRAM; {_percent(SCNN_AREA)} of the whole accelerator in SCNN.\n"
        )
    return text


def _masks(masks: Mapping[str, str]) -> str:
    lines = "".join(f"- *{name}*: {text}.\n" for name, text in masks.items())
    return (
        "The papers' AlexNet (BVLC, CaffeNet; images of 227 x 227): CONV2, CONV4 and CONV5 have two groups, which run "
        "one after the other; cycles are of both. Masks:\n\n"
        + lines
        + "\nA cell: speedup, speedup x density in brackets, "
        "index format. The format is searched for each layer among all: the fewest stored bits of those within half a "
        "percent of the fewest cycles.\n"
    )


def _layers(alexnet: Sequence[Entry], weight_bits: int) -> str:
    entries = [entry for entry in alexnet if entry["weight_bits"] == weight_bits]
    masks = list(dict.fromkeys(entry["mask"] for entry in entries))
    places = dict.fromkeys((entry["name"], entry["density_asked"]) for entry in entries)
    rows = []
    for name, asked in sorted(places):
        here = {e["mask"]: e for e in entries if (e["name"], e["density_asked"]) == (name, asked)}
        cells = [f"{_speedup(here[mask])} {here[mask]['format']}" if mask in here else "" for mask in masks]
        rows.append([name, f"{100 * asked:.1f} %", *cells])
    return markdown_table(["layer", "density", *masks], rows) if rows else "Not run.\n"


def _dense(alexnet: Sequence[Entry]) -> str:
    first = {entry["name"]: entry for entry in reversed(alexnet)}
    rows = [
        [
            name,
            f"{entry['rows']} x {entry['lanes']}",
            f"{entry['macs_dense']:,}",
            f"{entry['cycles_dense']:,.0f}",
            f"{entry['dense_utilization']:.3f}",
        ]
        for name, entry in sorted(first.items())
    ]
    return markdown_table(["layer", "array", "MACs", "cycles", "share of PE cycles that are needed"], rows)


def _trained(trained: Sequence[Entry], lenet: Mapping[str, Any]) -> str:
    if not trained:
        return "Not run.\n"
    rows = [
        [
            entry["name"].split(":")[-1],
            f"{100 * entry['density']:.2f} %",
            f"{entry['nonzeros']:,}",
            f"{entry['cycles_dense']:,.0f}",
            f"{entry['cycles_sparse']:,.0f}",
            _speedup(entry),
        ]
        for entry in trained
    ]
    format_, model = trained[0]["format"], lenet["model"]
    note = (
        f"Model `{model}`, one array of {trained[0]['rows']} x {trained[0]['lanes']} in `{format_}` for all layers; "
        "cycles a sample, Linear layers in batches of one sample a lane.\n\n"
    )
    return note + markdown_table(["layer", "density", "nonzeros", "cycles dense", "cycles sparse", "speedup"], rows)


def _rtl(entries: Sequence[Entry]) -> str:
    if not entries:
        return "Not run.\n"
    rows = [
        [
            entry["name"],
            entry["mask"],
            entry["format"],
            f"{entry['rows'] * entry['lanes']}",
            f"{entry['outputs_compared']:,}",
            "yes"
            if entry["rtl_equals_golden"]
            else f"**no**: {entry['mismatches']:,} differ, {entry['first_mismatch']}",
            "yes" if entry["model_equals_rtl"] else f"**no**: {entry['cycles_rtl']:,}, model {entry['cycles_model']:,}",
            f"{entry['simulated_cycles']:,}",
            f"{entry['seconds']:.1f} s",
            f"{entry['simulated_cycles_per_second']:,.0f}",
            f"{entry['model_speed_ratio']:,.0f}x",
            f"{entry['plan_and_model_speed_ratio']:,.0f}x",
        ]
        for entry in entries
    ]
    head = [
        "layer",
        "mask",
        "format",
        "PEs",
        "outputs compared",
        "equal to golden",
        "cycles equal to model",
        "cycles simulated",
        "time",
        "cycles a second",
        "over the cycle model's time",
        "with laying out",
    ]
    return (
        "cocotb and Verilator, loading through the port included, compilation not. Times are wall time of one run on "
        "the machine as it was, other work included.\n\n" + markdown_table(head, rows)
    )


def _area(area: Sequence[Entry]) -> str:
    rows = [
        [
            f"`{entry['format']}`",
            str(entry["weight_bits"]),
            f"{entry['row_area_ge']:,}",
            _percent(entry["row_ratio"]),
            f"{entry['clock_fo4']:.1f}",
            f"{entry['clock_ratio']:.2f}",
            entry["set_by"],
        ]
        for entry in area
    ]
    text = "Logic of a row of 16 lanes without its SRAMs, generic library; clock of the array of 4 x 16:\n\n"
    head = ["format", "level bits", "row, GE", "over dense", "period, FO4", "clock over dense", "set by"]
    return text + markdown_table(head, rows)


def _bits(bits: Sequence[Entry]) -> str:
    densities = list(dict.fromkeys(entry["density"] for entry in bits))
    rows = []
    for name in dict.fromkeys(entry["format"] for entry in bits):
        here = {entry["density"]: entry for entry in bits if entry["format"] == name}
        cells = [f"{here[p]['bits_over_entropy']:.3f} ({here[p]['cycles_per_nonzero']:.2f})" for p in densities]
        rows.append([f"`{name}`", *cells])
    text = (
        "Stored bits a nonzero over n + H(p)/p, and cycles a nonzero in brackets, of packed random masks of density p, "
        "8-bit levels:\n\n"
    )
    return text + markdown_table(["format", *(f"p = {density:g}" for density in densities)], rows)


def _wins(layers: Sequence[Entry]) -> str:
    """How many of the layers and masks each format was taken for, those for none last."""
    taken = Counter(entry["format"] for entry in layers)
    names = [name for name in dict.fromkeys(name for entry in layers for name in entry["formats"]) if name != "dense"]
    told = ", ".join(f"`{name}` {count}" for name, count in taken.most_common())
    never = ", ".join(f"`{name}`" for name in names if not taken[name])
    return f"Formats taken for the {len(layers)} layers and masks here: {told}. For none: {never or 'no format'}."


def _speedup(entry: Entry) -> str:
    return f"{entry['speedup']:.2f}x ({entry['speedup_times_density']:.3f})"


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"
