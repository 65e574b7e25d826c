"""The picture of docs/hardware.md: filters passing through a small array, drawn from a simulation of it.

``python -m benchmarks.array.filter_timing`` writes it.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from amaranth.sim import Simulator
from matplotlib.figure import Figure

from codesign.report.theme import LIGHT, styled
from compress.base.files import read_text, replacing
from compress.model.layer import CompressedLayer, LayerKind
from compress.model.requantization import Requantization
from rtl.array.pe_array import PEArray
from rtl.config import ArrayConfig
from sim.mapping.cycles import Chain, layer_cycles
from sim.mapping.pack import PackedLayer, pack

__all__ = ["CONFIG", "Cell", "cells", "draw", "example", "trace"]

CONFIG = ArrayConfig(rows=2, lanes=4, requant_lanes=2)
STAGES = {
    "token": "token",
    "table": "stage_table",
    "address": "stage_address",
    "bank": "stage_bank",
    "align": "stage_align",
    "sum": "stage_multiply",
}
"""Of a row: what the chart calls a stage, and its register."""

Values = Mapping[str, int]


@dataclass(frozen=True)
class Cell:
    """What a line of the chart shows in one cycle: of which filter, whether it waits, and a note."""

    line: str
    cycle: int
    filter: int
    waits: bool = False
    note: str = ""


def example() -> PackedLayer:
    """Four filters on six channels of 2 x 2 pixels, one tile; filter 1 has two pruned weights, filter 2 one."""
    kept = np.array([[1, 1, 1, 1, 1, 1], [1, 0, 0, 1, 1, 1], [1, 1, 1, 0, 1, 1], [1, 1, 1, 1, 1, 1]])
    levels = (kept * np.arange(1, 25).reshape(4, 6)).astype(np.int16).reshape(4, 6, 1, 1)
    layer = CompressedLayer(
        name="example",
        kind=LayerKind.CONV2D,
        levels=levels,
        weight_bits=8,
        interval=1.0,
        bias=np.zeros(4, np.int32),
        input_shape=(6, 2, 2),
        requantization=Requantization.from_scale(0.01),
        input_scale=1.0,
        output_scale=1.0,
    )
    return pack(layer, CONFIG)


def trace(packed: PackedLayer) -> list[Values]:
    """Every signal by its path, at the end of each cycle with ``busy``, the first to the last."""
    dut = PEArray(packed.config)

    async def host(ctx: Any) -> None:
        ctx.set(dut.write.valid, 1)
        pixels = np.ones((1, *packed.layer.input_shape), np.uint8)
        for write in [*packed.static_writes(), *packed.activation_writes(pixels)]:
            ctx.set(dut.write.payload, write._asdict())
            await ctx.tick()
        ctx.set(dut.write.valid, 0)
        ctx.set(dut.results.ready, 1)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        while ctx.get(dut.busy | dut.queued):
            await ctx.tick()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(host)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.vcd"
        with path.open("w", encoding="utf-8") as file, simulator.write_vcd(file):
            simulator.run()
        return [values for values in _cycles(path) if values["busy"]]


def _cycles(path: Path) -> Iterator[Values]:
    """The values just before each rising edge of the clock, from a value change dump (IEEE 1364)."""
    scopes: list[str] = []
    names: dict[str, list[str]] = {}
    now: dict[str, int] = {}
    before: dict[str, int] = {}
    for line in read_text(path).splitlines():
        match line.split():
            case ["$scope", _, scope, _]:
                scopes.append(scope)
            case ["$upscope", _]:
                scopes.pop()
            case ["$var", _, _, code, reference, *_]:
                names.setdefault(code, []).append(".".join([*scopes[2:], reference.removeprefix("\\")]))
            case [time] if time.startswith("#"):
                before = dict(now)
            case [value, code] if value.startswith("b"):
                now.update(dict.fromkeys(names[code], int(value[1:], 2)))
            case [change] if change[0] in "01":
                now.update(dict.fromkeys(names[change[1:]], int(change[0])))
                if change[0] == "1" and "clk" in names[change[1:]] and before:
                    yield before


def cells(cycles: list[Values], rows: int) -> Iterator[Cell]:
    """The chart's cells, from the rows' stages down to the results."""
    for row in range(rows):
        control = f"row_{row}.control"
        for title, register in STAGES.items():
            yield from _stage(cycles, f"row {row} {title}", control, register)
        yield from _held(cycles, f"row {row} hands over", f"{control}.capture", f"{control}.total_valid")
    yield from _drain(cycles)


def _stage(cycles: list[Values], line: str, control: str, register: str) -> Iterator[Cell]:
    """A token is of the filter that the latest token with ``begins`` in this stage began."""
    valid, begins = f"{control}.{register}.valid", f"{control}.{register}.between"
    if register == "token":
        valid, begins = f"{control}.token_valid", f"{control}.token.first"
    left = -1
    for cycle, values in enumerate(cycles):
        if values[valid]:
            filter_ = left + values[begins]
            yield Cell(line, cycle, filter_, waits=not values[f"{control}.advance"])
            if values[f"{control}.advance"]:
                left = filter_


def _held(cycles: list[Values], line: str, capture: str, valid: str) -> Iterator[Cell]:
    captured = 0
    for cycle, values in enumerate(cycles):
        if values[valid]:
            yield Cell(line, cycle, captured - 1)
        captured += values[capture]


def _drain(cycles: list[Values]) -> Iterator[Cell]:
    taken = beats = 0
    groups = CONFIG.lanes // CONFIG.requant_lanes
    for cycle, values in enumerate(cycles):
        if values["drain.control.sums_valid"]:
            yield Cell("drain: lanes", cycle, taken, note=_lanes(values["drain.control.group"]))
            taken += values["drain.control.sums_ready"]
        if values["results__valid"]:
            yield Cell("results", cycle, beats // groups, note=_lanes(beats % groups))
            beats += 1


def _lanes(group: int) -> str:
    return ",".join(str(lane) for lane in range(group, CONFIG.lanes, CONFIG.lanes // CONFIG.requant_lanes))


def draw(found: list[Cell], cycles: int) -> Figure:
    """A line a register, a column a cycle, a colour a filter; hatched where it waits."""
    lines = list(dict.fromkeys(cell.line for cell in found))
    with styled(LIGHT):
        figure = Figure((LIGHT.width, 0.27 * len(lines) + 0.7), layout="constrained")
        axes = figure.subplots()
        for cell in found:
            y = lines.index(cell.line)
            axes.barh(
                y,
                1,
                left=cell.cycle,
                height=0.8,
                color=LIGHT.series[cell.filter],
                alpha=0.35 if cell.waits else 0.85,
                hatch="////" if cell.waits else None,
                edgecolor="white",
                linewidth=0.8,
            )
            axes.text(cell.cycle + 0.5, y, cell.note or str(cell.filter), ha="center", va="center", fontsize=6)
        axes.set_yticks(range(len(lines)), lines)
        axes.invert_yaxis()
        axes.set_xticks([cycle + 0.5 for cycle in range(0, cycles, 2)], [str(cycle) for cycle in range(0, cycles, 2)])
        axes.set_xlim(0, cycles)
        axes.set_xlabel("cycle, as the array's counter has it")
        axes.grid(False)
    return figure


def main(out: Annotated[Path, typer.Option(help="The picture.")] = Path("docs/images/filter-timing.png")) -> None:
    """Simulate and draw."""
    packed = example()
    cycles = trace(packed)
    if len(cycles) != layer_cycles(packed.plan, Chain.of(CONFIG)):
        raise SystemExit("the simulation did not take the cycle model's count")
    with replacing(out) as temporary:
        draw(list(cells(cycles, CONFIG.rows)), len(cycles)).savefig(temporary, format="png", dpi=110)


if __name__ == "__main__":
    typer.run(main)
