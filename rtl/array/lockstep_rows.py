"""The rows of a dense array, which all meet the same tap in the same cycle: one control and one address table."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from amaranth.hdl import Elaboratable, Module
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from rtl.array.buffers import halves_layout
from rtl.array.lockstep_control import LockstepControl
from rtl.array.lockstep_row import LockstepRow
from rtl.array.place_register import PlaceRegister
from rtl.array.row import sums_layout
from rtl.array.sram import SRAM
from rtl.array.sum_register import SumRegister
from rtl.array.write_bus import Space, write_bus_layout
from rtl.config import ArrayConfig
from rtl.widths import COUNT_BITS, bias_layout, table_layout

__all__ = ["LockstepRows"]


class LockstepRows(Component):
    """A systolic chain without registers of its own: row r starts a filter from row r - 1's accumulators.

    In slot s row r works on filter s - r, whose words its bank holds ``r`` filters later than row 0's. The last row's
    first ``rows - 1`` slots belong to no filter and are not handed on.

    Members
    -------
    write_en, write : In
        A write to the array; ``ROW`` and ``TABLE`` are there once, whatever its row.
    start, running, last_tile : In
    halves : In
        See ``rtl.array.buffers``.
    biases : stream In
        One beat per filter and tile, there when it is needed: from the third cycle after ``start`` on.
    sums : stream Out
        Of every filter and tile.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "write_en": In(1),
                "write": In(write_bus_layout(config)),
                "start": In(1),
                "running": In(1),
                "halves": In(halves_layout()),
                "last_tile": In(COUNT_BITS),
                "biases": In(stream.Signature(bias_layout(config))),
                "sums": Out(stream.Signature(sums_layout(config))),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Control and table, rows, register."""
        m = Module()
        m.submodules.control = control = LockstepControl(self._config)
        self._table(m, control)
        rows = self._rows(m, control)
        m.submodules.sum_register = register = SumRegister(self._config)
        m.d.comb += [
            control.register_en.eq(self.write_en & (self.write.space == Space.ROW)),
            control.register_index.eq(self.write.address),
            control.register_data.eq(self.write.data),
            control.start.eq(self.start),
            control.running.eq(self.running),
            control.turn.eq(self.halves.turn),
            control.last_tile.eq(self.last_tile),
            self.biases.ready.eq(control.bias_ready),
            register.closed.valid.eq(control.closed_valid),
            register.closed.payload.eq(rows[-1].totals),
            control.closed_ready.eq(register.closed.ready),
        ]
        connect(m, register.sums, flipped(self.sums))
        return m

    def _table(self, m: Module, control: LockstepControl) -> None:
        config = self._config
        m.submodules.table = table = SRAM(config.table_depth, table_layout(config).size, config.buffers)
        m.d.comb += [
            table.write_en.eq(self.write_en & (self.write.space == Space.TABLE)),
            table.write_address.eq(self.write.address),
            table.write_data.eq(self.write.data),
            table.half.eq(self.halves.table),
            table.read_en.eq(control.table_en),
            table.read_address.eq(control.table_address),
            control.table_word.eq(table.read_data),
        ]

    def _rows(self, m: Module, control: LockstepControl) -> list[LockstepRow]:
        rows = [LockstepRow(self._config) for _ in range(self._config.rows)]
        for index, row in enumerate(rows):
            m.submodules[f"row_{index}"] = row
            m.d.comb += [
                row.write_en.eq(self.write_en & (self.write.row == index)),
                row.write.eq(self.write),
                row.halves.eq(self.halves),
                row.advance.eq(control.advance),
                row.read.eq(control.read),
                row.weight_address.eq(control.weight_address),
                row.word.eq(control.word),
                row.behind.eq(control.behind),
                row.shift.eq(control.shift),
                row.first.eq(control.first),
            ]
        m.d.comb += [rows[0].above[lane].eq(self.biases.payload) for lane in range(self._config.lanes)]
        for above, below in pairwise(rows):
            m.d.comb += below.above.eq(above.totals)
        self._places(m, control, rows)
        return rows

    def _places(self, m: Module, control: LockstepControl, rows: list[LockstepRow]) -> None:
        place = control.place
        for index, row in enumerate(rows):
            if index:
                m.submodules[f"place_register_{index}"] = register = PlaceRegister(self._config)
                m.d.comb += [
                    register.start.eq(self.start),
                    register.next_slot.eq(control.next_slot),
                    register.above.eq(place),
                ]
                place = register.below
            m.d.comb += row.tile.eq(place.tile)
        m.d.comb += control.last_working.eq(place.working)
