"""What loading costs, with one buffer and with two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.markdown import markdown_table

__all__ = ["loading"]

Entry = Mapping[str, Any]


def loading(entries: Sequence[Entry]) -> str:
    """A table of arrays, and the share of each layer run by itself."""
    if not entries:
        return "Not run.\n"
    text = (
        "CONV2-5 with random masks of Table 8's densities, then LeNet-5 of 305x, image by image: every layer's "
        "registers, biases, weights, tables and activations are loaded for each image over a stream of 64 bits, and "
        "START is in the stream. Cycles of an image in the steady state (`sim.makespan`, equal to the accelerator's "
        "counter); results are taken at once. Linear layers have one sample, so that a weight is loaded for a single "
        "product a row. Area is the array's without its AXI ports, added to that with one buffer.\n\n"
    )
    return f"{text}{_arrays(entries)}\n{_layers(entries)}"


def _arrays(entries: Sequence[Entry]) -> str:
    rows = [
        [
            f"{entry['array']} {entry['format']}",
            str(entry["buffers"]),
            f"{entry['weight_depth']:,}",
            f"{entry['activation_depth']:,}",
            str(entry["runs"]),
            f"{entry['cycles']:,.0f}",
            f"{entry['share_of_loading']:.3f}",
            f"{100 * entry['logic_added']:+.1f} %",
            f"{100 * entry['area_added']:+.1f} %",
        ]
        for entry in entries
    ]
    head = ["array", "buffers", "weight words a row", "activation words", "runs", "cycles an image"]
    return markdown_table([*head, "share of loading", "logic", "area"], rows)


def _layers(entries: Sequence[Entry]) -> str:
    """Each layer again and again, loaded each time: below, what is loaded takes longer than what is computed."""
    names = list(entries[0]["layers"])
    rows = [
        [f"{entry['array']}, {entry['buffers']} x {entry['weight_depth']:,}"]
        + [f"{entry['layers'][name]:.3f}" for name in names]
        for entry in entries
    ]
    text = "Share of loading of a layer that is run again and again, loaded each time:\n\n"
    return text + markdown_table(["array, buffers x weight words", *names], rows)
