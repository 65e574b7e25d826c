"""Markdown of the result pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["markdown_table"]


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already.

    >>> print(markdown_table(["layer", "cycles"], [["conv1", "12"]]), end="")
    | layer | cycles |
    | --- | --- |
    | conv1 | 12 |
    """
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
