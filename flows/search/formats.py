"""Which index format each layer wants: cycles and stored bits in all of them, on one array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compress.base.errors import CodesignError
from flows.search.layer_load import LayerLoad
from rtl.config import ArrayConfig
from rtl.formats.index_format import IndexFormat
from sim.mapping.cycles import Chain
from sim.mapping.schedule import make_schedule

__all__ = ["EQUAL_CYCLES", "FormatCost", "format_costs", "quickest"]

EQUAL_CYCLES = 0.005
"""Formats whose cycles are this close to the fewest count as equally quick; the one with the fewest bits wins."""

_DEEP = {"weight_depth": 1 << 24, "table_depth": 1 << 20}


@dataclass(frozen=True)
class FormatCost:
    """A layer in one format: cycles of a batch, and bits of its weight words."""

    cycles: float
    stored_bits: int


def format_costs(load: LayerLoad, array: ArrayConfig, indices: Sequence[IndexFormat]) -> dict[str, FormatCost]:
    """The layer's cost in each format that can store it, on the array's rows, lanes and drain.

    Weight banks and tables are as deep as each format needs: formats are compared, not the banks of one of them.
    """
    costs = {}
    for index in indices:
        deep = array.with_index(index).replace(**_DEEP)
        try:
            schedule = make_schedule(load.name, load.mask, load.geometry, deep, load.batch)
        except CodesignError:
            continue
        costs[str(index)] = FormatCost(schedule.cycles(Chain.of(deep)), schedule.weight_words * deep.word_bits)
    return costs


def quickest(costs: Mapping[str, FormatCost]) -> str:
    """The format with the fewest cycles; of those within ``EQUAL_CYCLES`` the one with the fewest bits."""
    limit = min(cost.cycles for cost in costs.values()) * (1 + EQUAL_CYCLES)
    return min((cost.stored_bits, name) for name, cost in costs.items() if cost.cycles <= limit)[1]
