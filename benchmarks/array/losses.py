"""Where the sparse array loses: the page's last section, so that it is not left to the reader to find."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["losses"]

Entry = Mapping[str, Any]


def losses(result: Mapping[str, Any], alexnet: Sequence[Entry]) -> str:
    """Markdown lines: too slow for the area, more memory than dense, the least gain, formats that fail."""
    costs = {_array_of(entry): _clock_per_area(entry) for entry in result["area"]}
    gains = [(entry, entry["speedup"] * costs[_array_of(entry)]) for entry in alexnet if _array_of(entry) in costs]
    slower = [(entry, gain) for entry, gain in gains if gain < 1]
    larger = [entry for entry in alexnet if entry["bits_sparse"] > entry["bits_dense"]]
    worst = sorted(alexnet, key=lambda entry: entry["speedup_times_density"])[:5]
    lines = [
        "- Speed for the logic of a row (speedup x clock / row area) below the dense array's: "
        + _listed(f"{_where(entry)} {gain:.3f}" for entry, gain in slower),
        "- More weight memory than dense: "
        + _listed(f"{_where(entry)} {entry['bits_sparse'] / entry['bits_dense']:.2f} times" for entry in larger),
        "- Least speedup x density: " + _listed(f"{_where(e)} {e['speedup_times_density']:.3f}" for e in worst),
    ]
    for name in dict.fromkeys(name for entry in alexnet for name in entry["formats"]):
        slow = _format_loss(name, alexnet)
        if slow:
            lines.append(slow)
    return "\n".join(lines) + "\n"


def _format_loss(name: str, alexnet: Sequence[Entry]) -> str:
    """Where one format takes at least as many cycles as dense, or cannot store the mask."""
    pruned = [entry for entry in alexnet if entry["density_asked"] < 1]
    refused = sum("refused" in entry["formats"].get(name, {}) for entry in pruned)
    costs = [(entry, entry["formats"].get(name, {}).get("cycles")) for entry in pruned]
    slow = [entry for entry, cycles in costs if cycles is not None and cycles >= entry["cycles_dense"]]
    parts = []
    if refused:
        parts.append(f"cannot store {refused} of {len(pruned)} masks")
    if slow:
        parts.append(f"no faster than dense in {len(slow)} of {len(pruned)} cases")
    return f"- `{name}`: {', '.join(parts)}." if parts else ""


def _array_of(entry: Entry) -> tuple[str, int]:
    return entry["format"], entry["weight_bits"]


def _clock_per_area(cost: Entry) -> float:
    return float(cost["clock_ratio"] / cost["row_ratio"])


def _where(entry: Entry) -> str:
    return f"{entry['name']} {entry['mask']} {100 * entry['density']:.0f} % {entry['weight_bits']} bits"


def _listed(items: Iterable[str]) -> str:
    found = list(items)
    return "; ".join(found) + "." if found else "nowhere in the cases above."
