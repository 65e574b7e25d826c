"""Area and access time of SRAM macros: a textbook floorplan in gate equivalents and FO4, scaled to a technology.

**Area** (Weste and Harris, *CMOS VLSI Design*, section 12.2: cell array, row circuitry, column circuitry, control). A
macro of ``depth`` x ``width`` folds ``m`` words into a physical row, m a power of two, and takes the m of least area:

    rows = ceil(depth / m),  columns = width m
    area = BIT rows columns + ROW rows + COLUMN columns + DATA width + FIXED          [GE]

========  =====  ====================================================================================================
BIT       0.6    six transistors drawn by the memory's tighter rules; a NAND2 has four by the logic rules
ROW       3      word-line driver (two inverters) and the last NAND of the decoder
COLUMN    3      precharge and equalizer (three PMOS), column-select pair, their share of the well taps
DATA      8      sense amplifier, write driver, input and output latch of a data bit
FIXED     100    clock, self-timing, predecoder and address latches
========  =====  ====================================================================================================

Small memories are cheaper as **latch arrays**: a bit is a tri-state latch and a read tri-state (8 pitches = 8/3 GE,
counted as in ``flows.technology.generic_library``), each word has a write clock gate and decoder gates (6 GE), each
data bit an output flip-flop (17/3 GE). ``area`` is the smaller of both.

**Access time**, clock to data: about one gate delay for each doubling of the memory (Amrutur and Horowitz, *Speed and
power scaling of SRAMs*, IEEE JSSC 35(2), 2000), ``max(4, log2(bits) - 1)`` FO4: 9 FO4 for 1 Kb (decode 4, word line
1.5, bit line 2, sensing and output 1.5).

Against the 14 macros of the open FakeRAM 45 set, with Nangate 45's NAND2 (0.798 um2) and FO4 (22.1 ps), the area is
0.77 to 1.21 times theirs and the access time 0.77 to 1.22 times; see docs/decisions/011-sram-model.md. A macro has one
port: an array is loaded while it is idle.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

from compress.base.errors import CodesignError

__all__ = ["SramModel"]

_MAX_FOLD = 64


@dataclass(frozen=True)
class SramModel:
    """SRAM macros of one technology.

    Members
    -------
    nand2_area : float
        The technology's area of one GE.
    fo4 : float
        The technology's time of one FO4.
    bit, row, column, data, fixed : float
        The floorplan's constants in GE; the module says where they come from.
    """

    nand2_area: float = 1.0
    fo4: float = 1.0
    bit: float = 0.6
    row: float = 3.0
    column: float = 3.0
    data: float = 8.0
    fixed: float = 100.0

    def area(self, depth: int, width: int) -> float:
        """Area of ``depth`` words of ``width`` bits, in the technology's unit."""
        _check(depth, width)
        macro = min(self._macro(depth, width, 1 << k) for k in range(_MAX_FOLD.bit_length()))
        return min(macro, _latch_array(depth, width)) * self.nand2_area

    def access_time(self, depth: int, width: int) -> float:
        """Clock to read data, in the technology's unit."""
        _check(depth, width)
        return max(4.0, log2(depth * width) - 1) * self.fo4

    def _macro(self, depth: int, width: int, fold: int) -> float:
        rows, columns = ceil(depth / fold), width * fold
        array = self.bit * rows * columns
        return array + self.row * rows + self.column * columns + self.data * width + self.fixed


def _latch_array(depth: int, width: int) -> float:
    return depth * width * 8 / 3 + depth * 6 + width * 17 / 3


def _check(depth: int, width: int) -> None:
    if depth < 1 or width < 1:
        raise CodesignError(
            f"an SRAM needs at least one word of one bit, not {depth} of {width}", "check the array's depths"
        )
