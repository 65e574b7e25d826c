"""A technology: a Liberty library, the few numbers measured from it, and the SRAM macros that go with it."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from compress.base.errors import CodesignError
from flows.technology.cells import usable_cells
from flows.technology.clock_gates import ClockGate
from flows.technology.generic_library import generic_liberty
from flows.technology.liberty import parse_liberty
from flows.technology.mapper_library import mapper_library
from flows.technology.reference_cells import reference_cells
from flows.technology.sram import SramModel
from flows.technology.timing import clk_to_q, fanout_of_four, setup
from flows.technology.units import AREA_UNIT, TIME_UNIT, read_units

__all__ = ["Technology", "generic_technology", "technology_from_liberty"]


_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Technology:
    """Everything synthesis and the area model need to know.

    Members
    -------
    name : str
    area_unit, time_unit : str
        "GE" and "FO4" for the generic technology, "um2" and "ns" for a Liberty file.
    digest : str
        SHA-256 of the Liberty text as it was given.
    liberty : str
        What the mapper reads: the usable cells; a nanosecond in it is one ``time_unit``.
    gates : frozenset of str
        Names of its combinational cells with inputs.
    nand2_area, fo4 : float
        Area of the smallest NAND2; delay of the smallest inverter in a chain of inverters of fan-out four.
    clk_to_q, setup : float
        Of the flip-flop that registers are mapped to, driving four inverters, at that slew.
    sram : SramModel
    clock_gate : ClockGate or None
        What gates the clock of registers with an enable; None where the library has none that can be used.
    """

    name: str
    area_unit: str
    time_unit: str
    digest: str
    liberty: str = field(repr=False)
    gates: frozenset[str] = field(repr=False)
    nand2_area: float
    fo4: float
    clk_to_q: float
    setup: float
    sram: SramModel
    clock_gate: ClockGate | None = None

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
    return _measure(generic_liberty(), "generic", "generic", "GE", "FO4")


def technology_from_liberty(path: str | Path) -> Technology:
    """A real library from a ``.lib`` or ``.lib.gz``; areas in um2, as is the custom, times in ns.

    Raises CodesignError that names the file, and the line where it is damaged, or which of NAND2, inverter and
    flip-flop it lacks, with the cells that were refused and why.
    """
    path = Path(path)
    name = path.name.removesuffix(".gz").removesuffix(".lib")
    return _measure(_read(path), str(path), name, AREA_UNIT, TIME_UNIT)


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if raw.startswith(_GZIP) else raw
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise _damaged(path, error) from None
        raise CodesignError(f"cannot read Liberty file {path}: {error.strerror}", "check the path") from None
    except (EOFError, zlib.error) as error:
        raise _damaged(path, error) from None
    encoding = "utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    return raw.decode(encoding, errors="replace")  # comments may be in any encoding, the rest is ASCII


def _damaged(path: Path, error: Exception) -> CodesignError:
    return CodesignError(f"Liberty file {path} is damaged: {error}", "fetch or unpack the file again")


def _measure(text: str, where: str, name: str, area_unit: str, time_unit: str) -> Technology:
    """The technology of a library's text; errors name ``where`` it is from."""
    library = parse_liberty(text, where)
    units = read_units(library, where)
    cells = usable_cells(library)
    reference = reference_cells(cells, where)
    nand2_area = reference.nand2.area
    fo4, slew, load = fanout_of_four(reference.inverter)
    edge = clk_to_q(reference.flip_flop, slew, load)
    if min(fo4, edge) <= 0:
        delays = f"{reference.inverter.name} takes {fo4:g}, {reference.flip_flop.name} {edge:g}"
        raise CodesignError(f"Liberty library {where} has delays that are not above 0: {delays}", "check its tables")
    return Technology(
        name=name,
        area_unit=area_unit,
        time_unit=time_unit,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        liberty=mapper_library(cells, reference.flip_flop, reference.clock_gate, units),
        gates=frozenset(gate.name for gate in cells.gates if gate.capacitance),
        nand2_area=nand2_area,
        fo4=fo4 * units.nanoseconds,
        clk_to_q=edge * units.nanoseconds,
        setup=setup(reference.flip_flop, slew) * units.nanoseconds,
        sram=SramModel(nand2_area=nand2_area, fo4=fo4 * units.nanoseconds),
        clock_gate=reference.clock_gate,
    )
