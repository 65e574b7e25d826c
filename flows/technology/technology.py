"""A technology: a Liberty library, the few numbers measured from it, and the SRAM macros that go with it."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from compress.base.errors import CodesignError
from flows.technology.generic_library import generic_liberty
from flows.technology.liberty import Group, Library, parse_library
from flows.technology.sram import SramModel

__all__ = ["Technology", "generic_technology", "technology_from_liberty"]

_PICOSECONDS = {"1ps": 1.0, "10ps": 10.0, "100ps": 100.0, "1ns": 1000.0}


@dataclass(frozen=True)
class Technology:
    """Everything synthesis and the area model need to know.

    Members
    -------
    name : str
    area_unit, time_unit : str
        "GE" and "FO4" for the generic technology, "um2" and "ns" for a Liberty file.
    liberty : str
        The library's text, what the mapper reads; a nanosecond in it is one ``time_unit``.
    nand2_area, fo4 : float
        Area of the smallest NAND2; delay of the smallest inverter in a chain of inverters of fan-out four.
    clk_to_q, setup : float
        Of the smallest plain D flip-flop, driving four inverters, at that slew.
    sram : SramModel
    """

    name: str
    area_unit: str
    time_unit: str
    liberty: str = field(repr=False)
    nand2_area: float
    fo4: float
    clk_to_q: float
    setup: float
    sram: SramModel

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the library's text."""
        return hashlib.sha256(self.liberty.encode()).hexdigest()

    def describe(self) -> dict[str, str | float]:
        """JSON-safe figures for a report."""
        numbers = ("nand2_area", "fo4", "clk_to_q", "setup")
        return {
            "name": self.name,
            "area_unit": self.area_unit,
            "time_unit": self.time_unit,
            "liberty_sha256": self.digest,
            **{name: round(float(getattr(self, name)), 6) for name in numbers},
        }


@lru_cache(maxsize=1)
def generic_technology() -> Technology:
    """The toolkit's own: NAND2 gate equivalents and FO4 delays, nothing to fetch."""
    return _measure(generic_liberty(), "generic", "GE", "FO4")


def technology_from_liberty(path: str | Path) -> Technology:
    """A real library from a ``.lib`` or ``.lib.gz``; areas in the file's unit (um2 by custom), times in ns."""
    path = Path(path)
    return _measure(_read(path), path.name.removesuffix(".gz").removesuffix(".lib"), "um2", "ns")


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
        return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8", errors="replace")
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise _damaged(path, error) from None
        raise CodesignError(f"cannot read Liberty file {path}: {error.strerror}", "check the path") from None
    except (EOFError, zlib.error) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> CodesignError:
    return CodesignError(f"Liberty file {path} is damaged: {error}", "fetch or unpack the file again")


def _measure(text: str, name: str, area_unit: str, time_unit: str) -> Technology:
    library = parse_library(text, name)
    picoseconds = _PICOSECONDS.get(library.header.attributes.get("time_unit", "1ns"))
    if picoseconds is None:
        raise CodesignError(f"{name}: unknown Liberty time_unit", f"it should be one of {', '.join(_PICOSECONDS)}")
    try:
        inverter = min(
            library.combinational((1, 0)), key=lambda cell: (cell.number("area"), _input(cell).number("capacitance"))
        )
        nand2_area = library.combinational((1, 1, 1, 0))[0].number("area")
        flop = library.flip_flops()[0]
        load = 4 * _input(inverter).number("capacitance")
        fo4, slew = _fo4(library, inverter, load)
        clk_to_q, setup = _clk_to_q(library, flop, slew, load), _setup(library, flop, slew)
    except (IndexError, ValueError, KeyError, StopIteration) as error:
        cause = f"Liberty library {name} lacks a NAND2, an inverter or a D flip-flop with delay tables"
        raise CodesignError(
            f"{cause} ({type(error).__name__})", "give a standard-cell library with NLDM timing"
        ) from None
    if min(nand2_area, fo4, clk_to_q) <= 0:
        raise CodesignError(f"Liberty library {name} has cells without area or delay", "give a characterized library")
    scale = picoseconds / 1000
    return Technology(
        name=name,
        area_unit=area_unit,
        time_unit=time_unit,
        liberty=text,
        nand2_area=nand2_area,
        fo4=fo4 * scale,
        clk_to_q=clk_to_q * scale,
        setup=setup * scale,
        sram=SramModel(nand2_area=nand2_area, fo4=fo4 * scale),
    )


def _pins(cell: Group, direction: str) -> list[Group]:
    return [pin for pin in cell.all("pin") if pin.attributes.get("direction") == direction]


def _input(cell: Group) -> Group:
    return _pins(cell, "input")[0]


def _fo4(library: Library, inverter: Group, load: float) -> tuple[float, float]:
    """Mean delay and slew of an inverter in a chain of inverters of fan-out four (the slew is a fixed point)."""
    timing = next(_pins(inverter, "output")[0].all("timing"))
    slew = 0.0
    for _ in range(30):
        slew = _mean(library, timing, ("rise_transition", "fall_transition"), slew, load)
    return _mean(library, timing, ("cell_rise", "cell_fall"), slew, load), slew


def _mean(library: Library, timing: Group, kinds: tuple[str, str], slew: float, load: float) -> float:
    return sum(_at(library, timing, kind, slew, load) for kind in kinds) / 2


def _at(library: Library, timing: Group, kind: str, slew: float, load: float) -> float:
    table = timing.first(kind)
    if table is None:
        raise KeyError(kind)
    return library.table(table).at(slew, load)


def _clk_to_q(library: Library, flop: Group, slew: float, load: float) -> float:
    arcs = (arc for pin in _pins(flop, "output") for arc in pin.all("timing") if arc.first("cell_rise"))
    return max(_at(library, arc, kind, slew, load) for arc in arcs for kind in ("cell_rise", "cell_fall"))


def _setup(library: Library, flop: Group, slew: float) -> float:
    arcs = [arc for pin in _pins(flop, "input") for arc in pin.all("timing")]
    checks = [arc for arc in arcs if "setup" in arc.attributes.get("timing_type", "")]
    return max(
        _at(library, arc, kind.kind, slew, slew) for arc in checks for kind in arc.groups if "constraint" in kind.kind
    )
