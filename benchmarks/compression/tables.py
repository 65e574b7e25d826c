"""docs/results/compression.md: every figure of compress.json, beside the papers'."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.compression.goals import best_point
from benchmarks.compression.points import Entries, points_of
from benchmarks.compression.rows import commits_of
from benchmarks.compression.trial_tables import trial_sections
from benchmarks.goals import goals_table
from benchmarks.markdown import markdown_table
from benchmarks.papers import LAYER_TABLES, MOBILENET_ROWS, TARGETS, LayerTable
from compress.base.files import write_text

__all__ = ["page", "write_page"]

CHANCE = 0.1  # of ten classes
PAPER_RHO = 1e-2  # of 001
METHOD_NAMES = {"admm": "ADMM", "one-shot": "one-shot", "iterative": "iterative", "projected": "projected gradient"}


def write_page(result: Mapping[str, Any], path: Path) -> None:
    """Write the page of a result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, page(result))


def page(result: Mapping[str, Any]) -> str:
    """The page as Markdown."""
    parts = [
        _head(result),
        "## Goals\n",
        goals_table(result["goals"]),
        "## Against the papers\n",
        _targets(result["results"]),
        "## Ratio and accuracy\n",
        "One cardinality over the whole network (002 footnote 1), reached step by step, each step on what the last one "
        "left. Which weights stay is decided by their magnitude, or by saliency: magnitude times a power of the loss "
        "gradient (decision 035). Weights that reach no output any more go too, so a step may end above its ratio. A "
        "model that is only pruned is stored in 8-bit levels; *integer* is the accuracy of the stored file as "
        "`codesign evaluate` tells it, *float* that of the network before rounding.\n",
        "![Accuracy against pruning ratio](compression/curve.png)\n",
        *(
            f"### {network}\n\n{_points(entries)}"
            for network, entries in _grouped(result["results"], "network").items()
        ),
        "## Layer by layer\n",
        *(_layers(table, result["results"]) for table in LAYER_TABLES),
        commits_of(result["results"]),
        *trial_sections(result["trials"]),
        "## Four methods, equal weights kept, equal epochs\n",
        _methods([entry for entry in result["comparisons"] if not entry["uniform"]]),
        "## MobileNets on CIFAR-10, half of each layer pruned, not retrained (001)\n",
        _mobilenets([entry for entry in result["comparisons"] if entry["uniform"]], result["missing"]),
        commits_of(result["comparisons"]),
        "## What ADMM costs\n",
        _costs(result["costs"]),
        "## What training looks like\n",
        "![Residuals](compression/residuals.png)\n",
        "![Losses](compression/losses.png)\n",
        "![Weights](compression/weights.png)\n",
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _head(result: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    spent = sum(entry["seconds"] for entry in _last_of_each_run(result["results"]))
    spent += sum(entry["seconds"] for entry in [*result["comparisons"], *result["trials"]])
    return (
        "# What compression reaches\n\n"
        f"Made by `{result['command']}` from `compress.json`; do not edit. {versions}; "
        f"{result['machine']['jobs']} processes of one thread; {spent / 60:.0f} process-minutes of pruning and "
        "quantization, added up over the jobs whose time is known.\n\n"
        "Each table names the commit that its lines were measured at; `--only NAME` measures some lines anew and keeps "
        "the others. Seeds choose initial weights, order of images and shifts. A fixed twelfth of the training images "
        "validates: settings were chosen and epochs picked on it. Each finished model read the test images once.\n"
    )


def _last_of_each_run(entries: Entries) -> list[Mapping[str, Any]]:
    """Seconds of a run's entries add up along the run."""
    last = {(entry["network"], entry["seed"]): entry for entry in entries}
    return list(last.values())


def _targets(entries: Entries) -> str:
    rows = []
    for target in TARGETS:
        fitting = best_point(entries, target.network, target.method, target.figure, target.floor)
        accuracy = f">= {target.floor:.1%}"
        if fitting is None:
            tried = any((entry["network"], entry["method"]) == (target.network, target.method) for entry in entries)
            outcome = "missed" if tried else "not run"
            rows.append([target.title, accuracy, f"{target.paper:g}x ({target.source})", outcome, "", ""])
            continue
        ratio = mean(entry[target.figure] for entry in fitting)
        rows.append(
            [
                target.title,
                accuracy,
                f"{target.paper:g}x ({target.source})",
                f"**{ratio:,.0f}x**",
                _accuracies(fitting, "test_accuracy"),
                _accuracies(fitting, "dense_accuracy"),
            ]
        )
    head = ["", "mean test accuracy", "papers", "here", "test accuracy, mean (seeds)", "dense, mean (seeds)"]
    return markdown_table(head, rows)


def _points(entries: Entries) -> str:
    rows = []
    for point in points_of(entries):
        rows.append(
            [
                "pruned" if point[0]["method"] == "admm" else "pruned, quantized",
                f"saliency {point[0]['saliency']:g}" if point[0]["saliency"] else "magnitude",
                f"{mean(entry['pruning_ratio'] for entry in point):.0f}x",
                f"{mean(entry['weight_data_ratio'] for entry in point):,.0f}x",
                f"{mean(entry['file_ratio'] for entry in point):,.0f}x",
                _accuracies(point, "validation_accuracy"),
                _accuracies(point, "float_test_accuracy"),
                _accuracies(point, "test_accuracy"),
                _accuracies(point, "dense_accuracy"),
            ]
        )
    head = ["", "compared by", "pruning", "weight data", "whole file", "validation", "float", "integer", "dense"]
    return markdown_table(head, rows)


def _layers(table: LayerTable, entries: Entries) -> str:
    """Ours beside the paper's: the operating point whose pruning ratio is closest above the paper's own."""
    mine = [entry for entry in entries if entry["network"] == table.network]
    points = [point for point in points_of(mine) if bool(table.weight_bits) == (point[0]["method"] != "admm")]
    title = f"### {table.network}, beside {table.source}\n\n"
    if not points:
        return title + "Not run.\n"
    point = points[0]
    layers = {layer["name"]: layer["weights"] for layer in point[0]["layers"]}
    kept = {name: mean(_layer(entry, name)["kept"] for entry in point) for name in layers}
    rows = [
        [
            name,
            f"{weights:,}",
            f"{table.kept_percent[name]:g} %",
            f"{100 * kept[name] / weights:.2f} %",
            f"{kept[name]:,.0f}",
            str(table.weight_bits.get(name, 32)),
            str(_layer(point[0], name)["weight_bits"]),
        ]
        for name, weights in layers.items()
    ]
    paper = sum(table.kept_percent[name] * weights for name, weights in layers.items()) / sum(layers.values())
    total = f"{100 * sum(kept.values()) / sum(layers.values()):.2f} %"
    rows.append(["all", f"{sum(layers.values()):,}", f"{paper:.2g} %", total, f"{sum(kept.values()):,.0f}", "", ""])
    head = ["layer", "weights", "kept, paper", "kept, here", "kept, here", "bits, paper", "bits, here"]
    return title + markdown_table(head, rows)


def _layer(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next(layer for layer in entry["layers"] if layer["name"] == name)


def _methods(comparisons: Entries) -> str:
    blocks = []
    for network, entries in _grouped(comparisons, "network").items():
        rows = []
        for ratio, at_ratio in _grouped(entries, lambda entry: f"{entry['pruning_ratio']:.0f}").items():
            by_method = _grouped(at_ratio, "method")
            means = {method: mean(entry["test_accuracy"] for entry in found) for method, found in by_method.items()}
            lead = 100 * (means["admm"] - max(value for method, value in means.items() if method != "admm"))
            cells = [_accuracies(by_method[method], "test_accuracy") for method in METHOD_NAMES]
            rows.append([f"{ratio}x", *cells, f"{lead:+.2f}"])
        epochs = entries[0]["epochs"]
        blocks.append(
            f"### {network}, {epochs} epochs\n\n"
            + markdown_table(["pruning", *METHOD_NAMES.values(), "ADMM ahead of the best, points"], rows)
        )
    return "\n".join(blocks) or "Not run.\n"


def _mobilenets(entries: Entries, missing: Mapping[str, str]) -> str:
    if not entries:
        return f"Not run: {missing.get('cifar10', 'not asked for')}.\n"
    rows = []
    for entry in entries:
        as_paper = entry["accuracy_before"] is None or entry["rho"] == [PAPER_RHO] * 2
        paper = MOBILENET_ROWS.get(entry["network"], {}).get(entry["method"]) if as_paper else None
        before = entry["accuracy_before"]
        rows.append(
            [
                entry["network"],
                METHOD_NAMES[entry["method"]],
                "" if before is None else " to ".join(f"{rho:g}" for rho in dict.fromkeys(entry["rho"])),
                f"{100 * entry['dense_accuracy']:.2f}",
                "" if before is None else f"{100 * before:.2f}",
                f"{100 * entry['test_accuracy']:.2f}",
                *(["", ""] if paper is None else [f"{value:.2f}" for value in paper]),
            ]
        )
    first = entries[0]
    head = ["network", "method", "rho", "dense, %", "before, %", "after, %", "001: before, %", "001: after, %"]
    text = (
        f"{first['train_images']:,} training images and seed {first['seed']}: a short run, not a trained MobileNet. "
        f"All start from the dense network and take {first['epochs']} epochs. *Before* is ADMM's network "
        "before its hard projection; projected gradient is pruned after every step and has no such snapshot. 001's rho "
        "is 0.01; another shows what a stronger penalty does in so few iterations.\n\n"
    ) + markdown_table(head, rows)
    if all(entry["dense_accuracy"] <= 1.1 * CHANCE for entry in entries):
        text += "\nAt chance: the run was too short to learn anything, and says nothing of either method.\n"
    return text


def _costs(costs: Mapping[str, float]) -> str:
    rows = [
        ["an ADMM training step over a plain one (LeNet-5, batch 64)", f"{costs['admm_step_ratio']:.2f}"],
        [
            "projection of AlexNet fc1's 37.7 M weights over `torch.kthvalue` of the same tensor",
            f"{costs['projection_ratio']:.2f}",
        ],
    ]
    return markdown_table(["", "ratio"], rows) + "\nMedians of paired runs in one process of one thread.\n"


def _accuracies(entries: Entries, member: str) -> str:
    """``99.05 (99.02, 99.08, 99.05)`` in percent."""
    values = [100 * entry[member] for entry in entries]
    seeds = ", ".join(f"{value:.2f}" for value in values)
    return f"{mean(values):.2f} ({seeds})" if len(values) > 1 else f"{seeds} (1 seed)"


def _grouped(entries: Iterable[Mapping[str, Any]], key: Any) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        groups.setdefault(key(entry) if callable(key) else entry[key], []).append(entry)
    return groups
