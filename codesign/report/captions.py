"""Captions that say how the network was pruned and quantized, by the run's own method and set of values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codesign.report.report import Report
from compress.methods.recipe import Recipe
from compress.methods.registry import METHODS, VALUE_SETS
from compress.methods.value_sets import ValueSet

__all__ = ["Captions", "compress_setting"]


@dataclass(frozen=True)
class Captions:
    """Texts for one report.

    Members
    -------
    prune : str
    quantize : str or None
        None of a method that quantizes while it prunes.
    iterates : bool
        Whether any ADMM iteration was recorded.
    trains : bool
        Whether there is any iteration or epoch to draw.
    """

    prune: str
    quantize: str | None
    iterates: bool
    trains: bool

    @classmethod
    def of(cls, report: Report) -> Captions:
        """By the settings and histories of the report."""
        method = str(compress_setting(report, "method", "admm"))
        quantizes = method in METHODS and METHODS[method].quantizes
        iterates = any(report.admm.values())
        return cls(
            prune=_prune(method, report),
            quantize=None if quantizes else _quantize(str(compress_setting(report, "set", "levels")), report),
            iterates=iterates,
            trains=iterates or any(report.training.get(run) for run in ("prune", "quantize")),
        )


def compress_setting(report: Report, key: str, default: Any = None) -> Any:
    """A value of the run file's ``[compress]``, the default for reports older than the key."""
    return report.settings.get("compress", {}).get(key, default)


def _prune(method: str, report: Report) -> str:
    told = f"Pruning by method {_described(METHODS, method)}."
    if report.admm.get("prune"):
        told += " ADMM separates the weights that stay from those near zero; these are then set to zero."
    return told


def _quantize(values: str, report: Report) -> str:
    told = f"Quantization of the pruned network, to set {_described(VALUE_SETS, values)}."
    if report.admm.get("quantize"):
        told += " ADMM gathers the kept weights around the values that they are then set to."
    return told


def _described(entries: Mapping[str, Recipe] | Mapping[str, ValueSet], name: str) -> str:
    """The name and its one-line summary; the name alone for one from another version."""
    return f"{name}: {entries[name].summary.replace('`', '')}" if name in entries else name
