"""Area and clock of one array: the sum over its modules and SRAMs, and the slowest of their paths."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from math import log2
from typing import Any

from flows.synthesis.yosys import synthesize
from flows.technology.technology import Technology
from rtl.config import ArrayConfig
from rtl.inventory import SramUse, logic_modules, srams
from rtl.verilog import emit_rtlil

__all__ = [
    "ArrayMeasurement",
    "ModuleCost",
    "SramCost",
    "broadcast_delay",
    "least_logic_area",
    "measure",
    "measure_within",
    "module_cost",
    "sram_area",
]

_ADDRESSED = {"rows": 1, "weight_depth": 2, "activation_depth": 4, "table_depth": 2, "bias_depth": 2}
_SIZES = _ADDRESSED | {"lanes": 1, "requant_lanes": 1, "subarrays": 1}
_KNOWN_SIZES: dict[str, tuple[str, ...]] = {
    "pe": (),
    "requantizer": (),
    "scale_decoder": (),
    "pool": (),
    "bias_source": ("bias_depth",),
    "aligner": ("lanes",),
    "addresser": ("lanes", "activation_depth"),
    "row_control": ("weight_depth", "activation_depth", "table_depth"),
    "lockstep_control": ("lanes", "weight_depth", "activation_depth", "table_depth"),
    "lockstep_row_control": ("lanes", "activation_depth"),
    "place_register": ("activation_depth", "rows"),
    "lockstep_pe": (),
    "sum_register": ("lanes",),
    "group_select": ("lanes", "requant_lanes"),
    "drain_control": ("lanes", "requant_lanes", "rows", "subarrays"),
    "bias_fork": ("rows", "subarrays"),
    "chain_link": ("lanes", "rows", "subarrays"),
    "tail_select": ("lanes", "rows", "subarrays"),
}
"""Sizes that each module's source depends on (all, if it is not listed); a test compares the sources."""

_LARGE_FIRST = (
    "pe",
    "lockstep_pe",
    "requantizer",
    "aligner",
    "row_control",
    "lockstep_row_control",
    "addresser",
    "sum_register",
    "group_select",
    "pool",
    "array_control",
)
_GROWING = _LARGE_FIRST[:-1]

_BROADCAST_FO4 = {"pe": (-1.0, 0.85), "lockstep_pe": (-0.3, 0.25)}
"""Delay of what a control broadcasts to its lanes: to one, and more with each doubling, but never less than none."""


@dataclass(frozen=True)
class ModuleCost:
    """One block of logic: ``area`` of a copy, ``period`` its shortest clock, with clk-to-q and setup.

    In an ``ArrayMeasurement`` the period of a PE has the delay of what is broadcast to it.
    """

    name: str
    count: int
    area: float
    period: float
    flip_flops: int


@dataclass(frozen=True)
class SramCost:
    """One kind of SRAM: ``area`` of a copy; ``period`` from the clock through SRAM and logic to the next register."""

    name: str
    count: int
    depth: int
    width: int
    area: float
    period: float


@dataclass(frozen=True)
class ArrayMeasurement:
    """Area and clock of an array, in the technology's units.

    ``clock_period`` is the largest ``period`` of ``modules`` and ``srams``; wires between modules are not counted.
    """

    logic_area: float
    sram_area: float
    clock_period: float
    modules: tuple[ModuleCost, ...]
    srams: tuple[SramCost, ...]

    @property
    def area(self) -> float:
        """Logic and SRAMs."""
        return self.logic_area + self.sram_area

    @property
    def critical(self) -> str:
        """Name of the module or SRAM that sets the clock."""
        return max((part.period, part.name) for part in _parts(self.modules, self.srams))[1]

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe members."""
        return {**asdict(self), "area": self.area, "critical": self.critical}


def measure(config: ArrayConfig, technology: Technology) -> ArrayMeasurement:
    """Synthesize every module of ``PEArray(config)`` once and size its SRAMs."""
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        sources = [(name, _source(name, _relevant(config, name))) for name in _counts(config)]
        list(pool.map(lambda part: _synthesized(*part, technology), sources))
    measured = measure_within(config, technology, float("inf"))
    assert measured is not None
    return measured


def measure_within(config: ArrayConfig, technology: Technology, budget: float) -> ArrayMeasurement | None:
    """``measure``, or None as soon as the parts counted so far are larger than ``budget``.

    Parts are counted in an order that puts the large ones first, so that a search synthesizes little for arrays
    that cannot fit.
    """
    memory_area = sram_area(config, technology)
    logic_area, modules = 0.0, []
    for name in sorted(_counts(config), key=_rank):
        cost = module_cost(config, name, technology)
        modules.append(replace(cost, period=cost.period + broadcast_delay(config, name, technology)))
        logic_area += cost.area * cost.count
        if memory_area + logic_area > budget:
            return None
    memories = tuple(_sram_cost(use, modules, technology) for use in srams(config))
    clock = max(part.period for part in _parts(modules, memories))
    return ArrayMeasurement(logic_area, memory_area, clock, tuple(modules), memories)


def broadcast_delay(config: ArrayConfig, name: str, technology: Technology) -> float:
    """From a control to all the lanes that it drives, of a row or of all rows in lock-step: none to other modules.

    Buffers, each of which drives a few; fitted to arrays synthesized whole (``flows.synthesis.whole_array``,
    docs/decisions/071-clock-of-the-whole-array.md).
    """
    if name not in _BROADCAST_FO4:
        return 0.0
    one, doubling = _BROADCAST_FO4[name]
    return technology.fo4 * max(0.0, one + doubling * log2(config.pes if config.lockstep else config.lanes))


def _parts(modules: Sequence[ModuleCost], memories: Sequence[SramCost]) -> list[ModuleCost | SramCost]:
    return [*modules, *memories]


def least_logic_area(config: ArrayConfig, technology: Technology) -> float:
    """A lower bound on the logic area: the blocks that grow with the array, at their narrowest addresses.

    A search needs few syntheses for it, although it meets many address widths. Two percent are subtracted, since the
    mapper may happen to map the narrower block slightly worse.
    """
    narrow = config.replace(**{name: depth for name, depth in _ADDRESSED.items() if name != "rows"})
    large = (module_cost(narrow, name, technology) for name in _GROWING if name in _counts(narrow))
    return 0.98 * sum(cost.area * cost.count for cost in large)


def module_cost(config: ArrayConfig, name: str, technology: Technology) -> ModuleCost:
    """Cost of the module ``name`` of ``rtl.inventory.logic_modules(config)``."""
    source = _source(name, _relevant(config, name))
    return replace(_synthesized(name, source, technology), count=_counts(config)[name])


def _rank(name: str) -> int:
    return _LARGE_FIRST.index(name) if name in _LARGE_FIRST else len(_LARGE_FIRST)


def _relevant(config: ArrayConfig, name: str) -> ArrayConfig:
    """``config`` with sizes that do not affect the module reset, so that its source is made once for all of them.

    Logic depends on depths and rows only through address widths, so those it depends on become powers of two.
    """
    known = _KNOWN_SIZES.get(name, tuple(_SIZES))
    sizes = {size: 1 << (getattr(config, size) - 1).bit_length() for size in known if size in _ADDRESSED}
    sizes |= {size: getattr(config, size) for size in known if size not in _ADDRESSED}
    return config.replace(**_SIZES | sizes)


@lru_cache(maxsize=1 << 16)
def _source(name: str, config: ArrayConfig) -> str:
    """RTLIL of one module."""
    use = next(use for use in logic_modules(config) if use.name == name)
    return emit_rtlil(use.component, name)


@lru_cache(maxsize=1 << 16)
def _counts(config: ArrayConfig) -> dict[str, int]:
    """Module -> copies."""
    return {use.name: use.count for use in logic_modules(config)}


@lru_cache(maxsize=4096)
def _synthesized(name: str, source: str, technology: Technology) -> ModuleCost:
    result = synthesize(source, name, technology, language="rtlil")
    return ModuleCost(name, 1, result.area, result.period, result.flip_flops)


def _sram_cost(use: SramUse, modules: Sequence[ModuleCost], technology: Technology) -> SramCost:
    """The word appears after the access time instead of clk-to-q, then passes the logic of ``use.into``, if any."""
    access = technology.sram.access_time(use.depth, use.width)
    after = next((m.period for m in modules if m.name == use.into), technology.clk_to_q + technology.setup)
    area = technology.sram.area(use.depth, use.width)
    return SramCost(use.name, use.count, use.depth, use.width, area, access - technology.clk_to_q + after)


def sram_area(config: ArrayConfig, technology: Technology) -> float:
    """Area of all SRAMs."""
    return sum(use.count * technology.sram.area(use.depth, use.width) for use in srams(config))
