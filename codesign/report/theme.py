"""Colours, type and width of every picture: a light and a dark theme, each for wide and for narrow screens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypedDict

import matplotlib as mpl

__all__ = ["DARK", "LIGHT", "THEMES", "LineStyle", "Theme", "line_style", "styled"]

WIDE, NARROW = 9.6, 4.4  # inches; at 390 pixels the text of a narrow picture has the size of the page's


@dataclass(frozen=True)
class Theme:
    """Colours of text, grid and background, and a picture's width in inches.

    Series can be told apart even without hue. Panels of a ``narrow`` picture lie below each other.
    """

    name: str
    background: str
    text: str
    faint: str
    grid: str
    series: tuple[str, ...]
    width: float = WIDE

    @property
    def is_narrow(self) -> bool:
        """Whether the picture is for a phone's screen."""
        return self.width < WIDE

    def narrowed(self) -> Theme:
        """The same colours on a narrow picture."""
        return replace(self, name=f"{self.name}_narrow", width=NARROW)

    @property
    def accent(self) -> str:
        """The main series."""
        return self.series[0]


LIGHT = Theme(
    "light",
    "#ffffff",
    "#1d2733",
    "#6b7785",
    "#e4e8ed",
    ("#0b6bcb", "#d9480f", "#2b8a3e", "#9c36b5", "#c2255c", "#5c7080"),
)
DARK = Theme(
    "dark",
    "#161b22",
    "#e6ebf1",
    "#95a1af",
    "#2b333d",
    ("#58a6ff", "#ff9350", "#56d27b", "#d38bf0", "#ff7aa8", "#a3b1c0"),
)
THEMES = (LIGHT, DARK, LIGHT.narrowed(), DARK.narrowed())
MARKERS = ("o", "s", "D", "^", "v", "P")


class LineStyle(TypedDict):
    """Keyword arguments of ``Axes.plot``."""

    color: str
    marker: str


def line_style(number: int, theme: Theme) -> LineStyle:
    """Colour and marker of line ``number`` from 0: the first 36 differ, and the first six even without hue."""
    turn = number + number // len(theme.series)
    return {"color": theme.series[number % len(theme.series)], "marker": MARKERS[turn % len(MARKERS)]}


@contextmanager
def styled(theme: Theme) -> Iterator[None]:
    """Figures that are made inside have the theme's ground, colours and type."""
    settings: Any = {
        "figure.facecolor": theme.background,
        "axes.facecolor": theme.background,
        "axes.edgecolor": theme.grid,
        "axes.labelcolor": theme.text,
        "axes.titlecolor": theme.text,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": theme.grid,
        "grid.linewidth": 0.8,
        "text.color": theme.text,
        "xtick.color": theme.faint,
        "ytick.color": theme.faint,
        "font.size": 10,
        "font.family": "DejaVu Sans",
        "legend.frameon": False,
        "legend.labelcolor": theme.text,
        "lines.linewidth": 2.0,
    }
    with mpl.rc_context(settings):
        yield
