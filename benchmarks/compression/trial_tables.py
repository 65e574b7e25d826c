"""The tables of the trials in docs/results/compression.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import mean
from typing import Any

from benchmarks.compression.points import Entries
from benchmarks.compression.rows import commits_of
from benchmarks.compression.trial_list import FASHION, FEW_EPOCHS, ONE_SHOT, OPTIONS, POWERS
from benchmarks.markdown import markdown_table

__all__ = ["trial_sections"]

Row = Mapping[str, Any]
NOT_RUN = "Not run.\n"


def trial_sections(trials: Entries) -> list[str]:
    """A section for each group."""
    return [text for title, group, table in SECTIONS for text in (f"## {title}\n", _section(trials, group, table))]


def _section(trials: Entries, group: str, table: Callable[[Entries], str]) -> str:
    rows = [row for row in trials if row["group"] == group]
    return f"{table(rows)}\n{commits_of(rows)}\n" if rows else NOT_RUN


def _one_shot(rows: Entries) -> str:
    head = ["", "pruned", "test accuracy, %", "dense, %"]
    cells = [
        [
            row["label"],
            f"{100 * (1 - 1 / row['pruning_ratio']):.0f} %",
            _percent(row, "test_accuracy"),
            _percent(row, "dense_accuracy"),
        ]
        for row in rows
    ]
    return (
        "The published ResNet-20 (decision 038). *layer*: every layer keeps the same part; *network*: the largest "
        "weights of the whole network, and for layer-wise as many in each layer. Batch norms *as they were*, or "
        "*recalibrated* on 2,048 training images moved and mirrored as in training.\n\n"
    ) + markdown_table(head, cells)


def _few_epochs(rows: Entries) -> str:
    first = rows[0]
    head = ["", "W before, validation, %", "residual", "validation, %", "test, %", "dense, %"]
    cells = [
        [
            row["label"],
            "" if row["validation_before"] is None else _percent(row, "validation_before"),
            "" if row["residual"] is None else f"{row['residual']:.2g}",
            _percent(row, "validation_accuracy"),
            _percent(row, "test_accuracy"),
            _percent(row, "dense_accuracy"),
        ]
        for row in rows
    ]
    return (
        f"MobileNetV3-Small, {first['train_images']:,} CIFAR-10 images, {first['epochs']} epochs each from the same "
        "dense network, one seed (decision 039). *Before* is ADMM's W before the hard projection; *residual* is "
        "||W - Z||^2 / ||Z||^2 of the layer farthest from its set.\n\n"
    ) + markdown_table(head, cells)


def _options(rows: Entries) -> str:
    cells = []
    for (start, label), found in _by(rows, "start", "label").items():
        base = [row for row in rows if (row["start"], row["label"]) == (start, rows[0]["label"])]
        gain = mean(row["validation_accuracy"] for row in found) - mean(row["validation_accuracy"] for row in base)
        cells.append(
            [
                start,
                label,
                f"{found[0]['pruning_ratio']:.0f}x",
                _mean(found, "validation_accuracy"),
                f"{100 * gain:+.2f}",
                _mean(found, "test_accuracy"),
                _mean(found, "residual", percent=False),
            ]
        )
    head = ["network", "option", "pruning", "validation, mean (seeds), %", "gain", "test, mean (seeds), %", "residual"]
    return (
        "Each option alone, ADMM over the whole network with a falling count: 6 epochs and 6 of retraining from the "
        "same dense network. A sharpness-aware epoch takes twice the time.\n\n"
    ) + markdown_table(head, cells)


def _powers(rows: Entries) -> str:
    head = ["", "pruned, test, %", "quantized, validation, %", "quantized, test, %", "archive, bytes"]
    cells = [
        [
            row["label"],
            _percent(row, "test_accuracy"),
            _percent(row, "quantized_validation"),
            _percent(row, "quantized_test"),
            f"{row['archive_bytes']:,}",
        ]
        for row in rows
    ]
    return (
        f"{rows[0]['network']} at {rows[0]['pruning_ratio']:.0f}x, one seed: equal-distance levels, or powers of two "
        "of as many stored bits.\n\n"
    ) + markdown_table(head, cells)


def _fashion(rows: Entries) -> str:
    head = ["", "pruning", "validation, %", "test, %", "dense, %", "loss, points"]
    cells = [
        [
            row["label"],
            f"{row['pruning_ratio']:.0f}x",
            _percent(row, "validation_accuracy"),
            _percent(row, "test_accuracy"),
            _percent(row, "dense_accuracy"),
            f"{100 * (row['dense_accuracy'] - row['test_accuracy']):.2f}",
        ]
        for row in rows
    ]
    return (
        "The settings of LeNet-5 on MNIST (the first step of `examples/lenet5-305x.toml`, to 50x) after 16 epochs of "
        "dense training instead of 8.\n\n"
    ) + markdown_table(head, cells)


SECTIONS: tuple[tuple[str, str, Callable[[Entries], str]], ...] = (
    ("ResNet-20 on CIFAR-10, pruned without training", ONE_SHOT, _one_shot),
    ("Few epochs: MobileNetV3-Small, half of each layer pruned, not retrained", FEW_EPOCHS, _few_epochs),
    ("LeNet-5 on Fashion-MNIST", FASHION, _fashion),
    ("Options of the same ADMM", OPTIONS, _options),
    ("Powers of two", POWERS, _powers),
)


def _percent(row: Row, member: str) -> str:
    return f"{100 * row[member]:.2f}"


def _mean(rows: Entries, member: str, percent: bool = True) -> str:
    """``99.05 (99.02, 99.08)``, or ``0.12`` of a member that is no fraction."""
    values = [(100 if percent else 1) * row[member] for row in rows]
    if not percent:
        return f"{mean(values):.2g}"
    seeds = ", ".join(f"{value:.2f}" for value in values)
    return f"{mean(values):.2f} ({seeds})" if len(values) > 1 else seeds


def _by(rows: Entries, *members: str) -> dict[tuple[Any, ...], list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[member] for member in members), []).append(row)
    return groups
