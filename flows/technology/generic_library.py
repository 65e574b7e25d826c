"""The toolkit's own standard-cell library, derived from logical effort and written as Liberty text.

Source: Sutherland, Sproull, Harris, *Logical Effort* (1999), chapters 1 and 4, for a process whose PMOS has half the
mobility of its NMOS, so that the minimum inverter has widths N = 1, P = 2 and an input capacitance of 3 widths = 1
unit.

**Delay** of one stage of drive ``s`` (its output resistance is 1/s of the minimum inverter's) into the load ``C``:
``d = (p + C / s) tau``, its pins have the capacitance ``g s``. An inverter (g = p = 1) driving four equal ones takes
``5 tau``, which *defines* 1 FO4, so ``tau = 0.2 FO4``. Templates keep every input's worst-case drive equal to the
minimum inverter's:

==========  ======================  =====================================  ==============
gate        logical effort g        from N and P widths                    parasitic p
==========  ======================  =====================================  ==============
INV         1                       (1 + 2) / 3                            1
NANDn       (n + 2) / 3             N stack of n: n wide, P: 2             n
NORn        (2 n + 1) / 3           P stack of n: 2 n wide, N: 1           n
AOI21       2 (A, B), 5/3 (C)       N 2, 2, 1; P 4, 4, 4                   (2 + 1 + 4) / 3
OAI21       2 (A, B), 4/3 (C)       N 2, 2, 2; P 4, 4, 2                   (2 + 4 + 2) / 3
AOI22,      2                       N 2, P 4                               (4 + 8) / 3
OAI22
tri-state   2 (data), 2 (enables)   N stack 2 + 2, P stack 4 + 4           2 (4 for two)
==========  ======================  =====================================  ==============

BUF, AND2, OR2, XOR2 (NOR2 into AOI21), XNOR2 (NAND2 into OAI21) and MUX2 (inverter for the select, two tri-states,
inverter) are chains of these stages; an inner stage has a quarter of the drive of the one it feeds (the book's best
stage effort of 4).

**Area** is the width of the cell at fixed height: one polysilicon pitch for each column (a PMOS over an NMOS; an
input of a stage of drive s takes s columns, twice that if a transistor is more than 4 widths wide), one for each
break in the diffusion and one for the space to the next cell. NAND2 is 3 pitches and the unit, 1 gate equivalent
(GE): ``area = pitches / 3``.

**DFF**: two tri-state latches. 2 columns clock inverters, 2 x (2 tri-state + 1 inverter + 2 half-size keeper), 1
output inverter, 3 diffusion breaks (clock, master, slave and output are islands), 1 space: 17 pitches = 5.67 GE. Each
clock phase drives two tri-states and two keepers, (6 + 3) / 3 = 3 units:

- clk-to-q: clock inverters (1 + 1 + 3) + (1 + 3) tau, slave tri-state 2 + 1 (keeper) + 2 (two inverters) tau, output
  inverter 1 + C tau = 15 + C tau = 3.0 FO4 + 0.2 FO4 per unit of load (DFF_X2: 16 + C / 2);
- setup: input tri-state 2 + 1 (keeper) + 1 (inverter) tau, master inverter 1 + 2 (slave tri-state) + 1 (keeper) tau =
  8 tau = 1.6 FO4, without credit for the clock's own delay; hold 0.

**Clock gate**: a tri-state latch for the enable (1 column clock inverter, 2 tri-state, 1 inverter, 2 half-size
keeper) and an AND2 of drive 8 (NAND2 of drive 2: 4 columns, inverter 8), 2 diffusion breaks, 1 space: 21 pitches = 7
GE. Its enable has the flip-flop's setup. It drives the clock pins of some forty flip-flops; a clock tree is not
counted, with it or without.

Wires have no capacitance: the library compares designs before placement. Liberty wants a unit of time and of
capacitance, so 1 FO4 is written as 1 ns and the minimum inverter's input as 1 fF.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["CELLS", "FLIP_FLOPS", "FO4_PER_TAU", "Cell", "FlipFlop", "generic_liberty"]

FO4_PER_TAU = 1 / 5
PITCHES_PER_GE = 3
_LOADS = (0.0, 64.0)  # the delay is linear in the load: two points are the whole table


@dataclass(frozen=True)
class Stage:
    """One static CMOS gate at drive 1: parasitic delay in tau and the columns its transistors take."""

    parasitic: float
    columns: int


_INV = Stage(1, 1)
_NAND2 = Stage(2, 2)
_NOR2 = Stage(2, 2)
_AOI21 = Stage(7 / 3, 3)
_OAI21 = Stage(8 / 3, 3)
_TRISTATES = Stage(4, 4)  # two tri-state inverters on one node


@dataclass(frozen=True)
class Cell:
    """One combinational cell.

    Members
    -------
    name, drive, function : str, int, str
        Liberty name, output drive in minimum inverters, Boolean function of the output Y.
    capacitance : dict
        Pin -> input capacitance in minimum inverter inputs.
    parasitic : dict
        Pin -> delay in tau from the pin to Y without load.
    pitches : int
        Width in polysilicon pitches.
    sense : dict
        Pin -> Liberty timing sense.
    """

    name: str
    drive: int
    function: str
    capacitance: dict[str, float]
    parasitic: dict[str, float]
    pitches: int
    sense: dict[str, str]

    @property
    def area(self) -> float:
        """Area in GE."""
        return self.pitches / PITCHES_PER_GE

    def delay(self, pin: str, load: float) -> float:
        """FO4 from ``pin`` to Y with ``load`` minimum inverter inputs on it."""
        return (self.parasitic[pin] + load / self.drive) * FO4_PER_TAU


@dataclass(frozen=True)
class FlipFlop:
    """A rising-edge D flip-flop; an active-low asynchronous clear or preset is a NAND2 input in each latch."""

    name: str
    drive: int
    pitches: int
    asynchronous: str = ""
    pins: tuple[str, ...] = field(default=("D", "CK"))
    clk_to_q: float = 15 * FO4_PER_TAU
    setup: float = 8 * FO4_PER_TAU

    @property
    def area(self) -> float:
        """Area in GE."""
        return self.pitches / PITCHES_PER_GE


def _inner(drive: int) -> int:
    return max(1, drive // 4)


def _simple(
    name: str, function: str, efforts: dict[str, float], parasitic: float, drive: int, fingers: int = 1
) -> Cell:
    return Cell(
        f"{name}_X{drive}",
        drive,
        function,
        {pin: effort * drive for pin, effort in efforts.items()},
        dict.fromkeys(efforts, parasitic),
        len(efforts) * fingers * drive + 1,
        dict.fromkeys(efforts, "negative_unate"),
    )


def _chain(name: str, function: str, efforts: dict[str, float], first: Stage, drive: int) -> Cell:
    """``first`` followed by an inverter of ``drive``: BUF, AND, OR."""
    inner = _inner(drive)
    delay = first.parasitic + drive / inner + _INV.parasitic
    return Cell(
        f"{name}_X{drive}",
        drive,
        function,
        {pin: effort * inner for pin, effort in efforts.items()},
        dict.fromkeys(efforts, delay),
        first.columns * inner + _INV.columns * drive + 1,
        dict.fromkeys(efforts, "positive_unate"),
    )


def _parity(name: str, function: str, first: tuple[Stage, float], last: tuple[Stage, float, float], drive: int) -> Cell:
    """XOR2, XNOR2: ``first`` (stage, g) drives the single pin of ``last`` (stage, g of the pair, g of that pin)."""
    inner = _inner(drive)
    (gate, effort), (output, pair_effort, single_effort) = first, last
    delay = gate.parasitic + single_effort * drive / inner + output.parasitic
    return Cell(
        f"{name}_X{drive}",
        drive,
        function,
        dict.fromkeys(("A", "B"), effort * inner + pair_effort * drive),
        dict.fromkeys(("A", "B"), delay),
        gate.columns * inner + output.columns * drive + 1,
        dict.fromkeys(("A", "B"), "non_unate"),
    )


def _mux(drive: int) -> Cell:
    """Y = S ? B : A; an inverter makes the select's complement and drives an enable of each tri-state, 2 units."""
    inner = _inner(drive)
    data = _TRISTATES.parasitic + drive / inner + _INV.parasitic
    return Cell(
        f"MUX2_X{drive}",
        drive,
        "(A & !S) | (B & S)",
        {"A": 2.0 * inner, "B": 2.0 * inner, "S": 3.0 * inner},
        {"A": data, "B": data, "S": data + _INV.parasitic + 2},
        (_INV.columns + _TRISTATES.columns) * inner + _INV.columns * drive + 1,
        {"A": "positive_unate", "B": "positive_unate", "S": "non_unate"},
    )


def _cells() -> tuple[Cell, ...]:
    pair, triple, quad = (dict.fromkeys(pins, 1.0) for pins in ("AB", "ABC", "ABCD"))

    def efforts(pins: dict[str, float], effort: float) -> dict[str, float]:
        return dict.fromkeys(pins, effort)

    cells = [_simple("INV", "!A", {"A": 1.0}, 1, s) for s in (1, 2, 4, 8, 16)]
    cells += [_chain("BUF", "A", {"A": 1.0}, _INV, s) for s in (2, 4, 8, 16)]
    cells += [_simple("NAND2", "!(A & B)", efforts(pair, 4 / 3), 2, s) for s in (1, 2, 4)]
    cells += [_simple("NAND3", "!(A & B & C)", efforts(triple, 5 / 3), 3, s) for s in (1, 2)]
    cells += [_simple("NAND4", "!(A & B & C & D)", efforts(quad, 2), 4, s) for s in (1, 2)]
    cells += [_simple("NOR2", "!(A | B)", efforts(pair, 5 / 3), 2, s) for s in (1, 2, 4)]
    cells += [_simple("NOR3", "!(A | B | C)", efforts(triple, 7 / 3), 3, s, fingers=2) for s in (1,)]
    cells += [_chain("AND2", "A & B", efforts(pair, 4 / 3), _NAND2, s) for s in (1, 2, 4)]
    cells += [_chain("OR2", "A | B", efforts(pair, 5 / 3), _NOR2, s) for s in (1, 2, 4)]
    for s in (1, 2, 4):
        cells += [
            _simple("AOI21", "!((A & B) | C)", {"A": 2, "B": 2, "C": 5 / 3}, _AOI21.parasitic, s),
            _simple("OAI21", "!((A | B) & C)", {"A": 2, "B": 2, "C": 4 / 3}, _OAI21.parasitic, s),
            _simple("AOI22", "!((A & B) | (C & D))", efforts(quad, 2), 4, s),
            _simple("OAI22", "!((A | B) & (C | D))", efforts(quad, 2), 4, s),
            _parity("XOR2", "A ^ B", (_NOR2, 5 / 3), (_AOI21, 2, 5 / 3), s),
            _parity("XNOR2", "!(A ^ B)", (_NAND2, 4 / 3), (_OAI21, 2, 4 / 3), s),
            _mux(s),
        ]
    return tuple(cells)


CELLS: tuple[Cell, ...] = _cells()
FLIP_FLOPS: tuple[FlipFlop, ...] = (
    FlipFlop("DFF_X1", 1, 17),
    FlipFlop("DFF_X2", 2, 18, clk_to_q=16 * FO4_PER_TAU),
    FlipFlop("DFFR_X1", 1, 19, asynchronous="clear"),
    FlipFlop("DFFS_X1", 1, 19, asynchronous="preset"),
)

_CLOCK_GATE_PITCHES = 21

_HEADER = """library (codesign_generic) {
  comment : "from logical effort: area in NAND2 gate equivalents, 1 ns = 1 FO4, 1 fF = a minimum inverter input";
  delay_model : table_lookup;
  time_unit : "1ns";
  capacitive_load_unit (1, ff);
  voltage_unit : "1V";
  current_unit : "1mA";
  pulling_resistance_unit : "1kohm";
  leakage_power_unit : "1nW";
  nom_process : 1.0;
  nom_temperature : 25.0;
  nom_voltage : 1.0;
  default_max_transition : 1000.0;
  lu_table_template (linear) {
    variable_1 : input_net_transition;
    variable_2 : total_output_net_capacitance;
    index_1 ("0.0, 1000.0");
    index_2 ("0.0, 64.0");
  }
"""


def _table(kind: str, base: float, slope: float) -> str:
    row = ", ".join(f"{base + slope * load:.6f}" for load in _LOADS)
    return f'        {kind} (linear) {{ values ("{row}", "{row}"); }}\n'


def _timing(related: str, kind: str, base: float, slope: float) -> str:
    """A timing group of the output; the transition (10-90 %) is 2.2 RC, 2.2 times the delay that the load adds."""
    tables = "".join(_table(name, base, slope) for name in ("cell_rise", "cell_fall"))
    tables += "".join(_table(name, 2.2 * slope, 2.2 * slope) for name in ("rise_transition", "fall_transition"))
    return f'      timing () {{\n        related_pin : "{related}";\n        {kind}\n{tables}      }}\n'


def _input_pin(name: str, capacitance: float, extra: str = "") -> str:
    return f"    pin ({name}) {{ direction : input; capacitance : {capacitance:.6f}; {extra}}}\n"


def _cell_text(cell: Cell) -> str:
    pins = "".join(_input_pin(pin, value) for pin, value in cell.capacitance.items())
    slope = FO4_PER_TAU / cell.drive
    timing = "".join(
        _timing(pin, f"timing_sense : {cell.sense[pin]};", parasitic * FO4_PER_TAU, slope)
        for pin, parasitic in cell.parasitic.items()
    )
    return (
        f"  cell ({cell.name}) {{\n    area : {cell.area:.6f};\n{pins}"
        f'    pin (Y) {{\n      direction : output;\n      function : "{cell.function}";\n'
        f"      max_capacitance : {64.0 * cell.drive:.1f};\n{timing}    }}\n  }}\n"
    )


def _flip_flop_text(flop: FlipFlop) -> str:
    constraint = (
        '\n      timing () {\n        related_pin : "CK";\n        timing_type : setup_rising;\n'
        f'        rise_constraint (scalar) {{ values ("{flop.setup:.6f}"); }}\n'
        f'        fall_constraint (scalar) {{ values ("{flop.setup:.6f}"); }}\n      }}\n    '
    )
    control = f'      {flop.asynchronous} : "!RN";\n' if flop.asynchronous else ""
    reset = _input_pin("RN", 8 / 3) if flop.asynchronous else ""
    edge = _timing("CK", "timing_type : rising_edge;", flop.clk_to_q, FO4_PER_TAU / flop.drive)
    return (
        f"  cell ({flop.name}) {{\n    area : {flop.area:.6f};\n"
        f'    ff (IQ, IQN) {{\n      next_state : "D";\n      clocked_on : "CK";\n{control}    }}\n'
        + _input_pin("D", 2.0, constraint)
        + _input_pin("CK", 1.0, "clock : true; ")
        + reset
        + f'    pin (Q) {{\n      direction : output;\n      function : "IQ";\n{edge}    }}\n  }}\n'
    )


def _clock_gate_text(name: str) -> str:
    enable = _input_pin("E", 2.0, "clock_gate_enable_pin : true; ")
    clock = _input_pin("CK", 1.0 + 4 / 3 * 2, "clock : true; clock_gate_clock_pin : true; ")
    return (
        f"  cell ({name}) {{\n    area : {_CLOCK_GATE_PITCHES / PITCHES_PER_GE:.6f};\n"
        '    clock_gating_integrated_cell : "latch_posedge";\n'
        f"{enable}{clock}    pin (GCK) {{ direction : output; clock_gate_out_pin : true; }}\n  }}\n"
    )


def _constant_text(name: str, value: int) -> str:
    """A tie cell: one column and the space."""
    pin = f'pin (Y) {{ direction : output; function : "{value}"; }}'
    return f"  cell ({name}) {{\n    area : {2 / PITCHES_PER_GE:.6f};\n    {pin}\n  }}\n"


def generic_liberty() -> str:
    """The library as Liberty text, the same on every machine."""
    cells = "".join(map(_cell_text, CELLS)) + "".join(map(_flip_flop_text, FLIP_FLOPS))
    cells += _clock_gate_text("CLKGATE_X8")
    return _HEADER + cells + _constant_text("TIELO", 0) + _constant_text("TIEHI", 1) + "}\n"
