"""What a benchmark should reach: one line for each figure, under ``goals`` of ``build/bench/<name>.json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from benchmarks.markdown import markdown_table

__all__ = ["Goal", "goals_table"]


@dataclass(frozen=True)
class Goal:
    """One figure.

    Members
    -------
    better : str
        "higher" or "lower".
    value : float, optional
        As measured; None where it is not measured.
    must, goal : float, optional
        Required, and wanted; a line without either only shows its value.
    detail : str
        How it was measured, or why it was not.
    """

    name: str
    unit: str
    better: Literal["higher", "lower"]
    value: float | None
    must: float | None
    goal: float | None
    detail: str = ""

    @property
    def verdict(self) -> str:
        """``goal met``, ``met``, ``goal missed``, ``missed``, ``shown`` without a mark, or ``not measured``."""
        if self.value is None:
            return "not measured"
        if self.goal is not None and self._reaches(self.goal):
            return "goal met"
        if self.must is not None:
            return "met" if self._reaches(self.must) else "missed"
        return "shown" if self.goal is None else "goal missed"

    def to_dict(self) -> dict[str, Any]:
        """The members, and the verdict."""
        return {**asdict(self), "verdict": self.verdict}

    def _reaches(self, mark: float) -> bool:
        """Whether the value is measured and as good as a mark."""
        if self.value is None:
            return False
        return self.value >= mark if self.better == "higher" else self.value <= mark


def goals_table(goals: list[dict[str, Any]]) -> str:
    """A Markdown table of ``Goal.to_dict`` lines."""
    rows = [
        [
            line["name"],
            _number(line["must"]),
            _number(line["goal"]),
            f"**{_number(line['value'])}**",
            line["unit"],
            line["verdict"],
            line["detail"],
        ]
        for line in goals
    ]
    return markdown_table(["", "must", "goal", "measured", "unit", "", ""], rows)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
