"""Lines of compress.json: those of this run, and those of earlier ones that this run did not measure."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

from compress.base.errors import CodesignError

__all__ = ["commits_of", "merged", "read_earlier"]

Row = Mapping[str, Any]
KINDS = ("results", "comparisons", "trials")


def read_earlier(path: Path | None) -> dict[str, Any]:
    """An earlier compress.json; empty lists where there is none."""
    empty: dict[str, Any] = {kind: [] for kind in KINDS}
    if path is None or not path.is_file():
        return empty
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {**empty, **found}
    except (OSError, ValueError, TypeError) as error:
        raise CodesignError(f"{path} is no result of the benchmark: {error}", "remove it") from error


def merged(kind: str, earlier: Iterable[Row], new: Iterable[Row]) -> list[Row]:
    """The new rows, each in the place of the earlier one for the same run, and the other earlier rows as they are.

    All rows of a recipe's seed are one run. Each row names the commit that it was measured with.
    """
    runs: dict[Hashable, list[Row]] = {}
    for rows in (earlier, new):
        found: dict[Hashable, list[Row]] = {}
        for row in rows:
            found.setdefault(_run_of(kind, row), []).append(row)
        runs |= found
    return [row for rows in runs.values() for row in rows]


def commits_of(rows: Iterable[Row]) -> str:
    """``Measured at commit a1b2c3d.``; empty for no rows."""
    commits = dict.fromkeys(str(row.get("commit") or "unknown") for row in rows)
    return f"Measured at commit {', '.join(commits)}." if commits else ""


def _run_of(kind: str, row: Row) -> Hashable:
    if kind == "results":
        return row["network"], row["seed"]
    if kind == "comparisons":
        ratio = round(row["pruning_ratio"])
        return row["network"], row["uniform"], row["method"], row["seed"], ratio, tuple(row["rho"])
    return row["group"], row["start"], row["label"], row["seed"], round(row["pruning_ratio"], 1)
