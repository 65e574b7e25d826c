"""Whole networks on the page: the chosen arrays, then every layer of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.markdown import markdown_table

__all__ = ["networks"]

Entry = Mapping[str, Any]


def networks(entries: Sequence[Entry]) -> str:
    """A table of networks, and one of layers for each."""
    measured = [entry for entry in entries if "sparse" in entry]
    missing = "".join(
        f"Not measured: {entry['name']}, {entry['missing']}.\n" for entry in entries if "missing" in entry
    )
    if not measured:
        return missing or "Not run.\n"
    text = (
        "All layers of a network share one array. It is the one with the least logic among those of so many rows and "
        "16 lanes that are within 1 % of the fastest (flows.search), dense and sparse alike, whatever their area; the "
        "sparse one's logic stands beside it, without SRAM. Each layer then takes its fastest form.\n\n"
    )
    parts = [text + _arrays(measured), *(_layers(entry) for entry in measured), missing]
    return "\n".join(part for part in parts if part)


def _arrays(entries: Sequence[Entry]) -> str:
    rows = []
    for entry in entries:
        worst = min(entry["layers"], key=lambda layer: layer["speedup_times_density"])
        rows.append(
            [
                entry["name"],
                entry["about"],
                _array(entry, "sparse"),
                _array(entry, "dense"),
                f"{entry['logic_ratio']:.2f}",
                f"{entry['speedup']:.2f}x",
                f"{entry['speedup_times_density']:.3f}",
                f"{worst['speedup_times_density']:.3f} {worst['name']}",
            ]
        )
    head = ["", "", "sparse", "dense", "logic over dense", "speedup", "speedup x density", "worst layer"]
    return markdown_table(head, rows)


def _array(entry: Entry, which: str) -> str:
    array = entry[which]
    return (
        f"{entry['rows']} x {entry['lanes']} {array['format']}, {array['requant_lanes']} requantizers, "
        f"depth {array['chain_depth']}, {array['subarrays']} subarrays"
    )


def _layers(entry: Entry) -> str:
    rows = [
        [
            layer["name"],
            f"{layer['filters']} x {layer['channels']} x {layer['kernel'][0]} x {layer['kernel'][1]}"
            if layer["kernel"]
            else f"{layer['filters']} x {layer['channels']}",
            f"{100 * layer['density']:.1f} %",
            f"{layer['cycles_dense']:,}",
            f"{layer['cycles_sparse']:,}",
            f"{layer['speedup']:.2f}x",
            f"{layer['speedup_times_density']:.3f}",
        ]
        for layer in entry["layers"]
    ]
    head = ["layer", "weights", "density", "cycles dense", "cycles sparse", "speedup", "speedup x density"]
    return f"### {entry['name']}\n\n" + markdown_table(head, rows)
