"""The top: rows in a chain between the biases and the output path, loaded over one port."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out, Signature, connect, flipped

from rtl.array.array_control import ArrayControl
from rtl.array.bias_source import BiasSource
from rtl.array.drain import Drain, result_layout
from rtl.array.lockstep_rows import LockstepRows
from rtl.array.row import Row
from rtl.array.sram import SRAM
from rtl.array.subarrays import BiasFork, ChainLink, TailSelect, inner_mask, is_cut
from rtl.array.write_bus import Space, write_bus_layout
from rtl.config import ArrayConfig

__all__ = ["PEArray", "array_signature"]


def array_signature(config: ArrayConfig) -> Signature:
    """The ports of ``PEArray``, also for what replaces it in a test or wrapper."""
    return Signature(
        {
            "write": In(stream.Signature(write_bus_layout(config))),
            "start": In(1),
            "busy": Out(1),
            "queued": Out(1),
            "cycles": Out(32),
            "results": Out(stream.Signature(result_layout(config))),
        }
    )


class PEArray(Component):
    """The array. Runs one layer at a time: load it over ``write``, pulse ``start``, take ``results``.

    Members
    -------
    write : stream In
        See ``rtl.array.write_bus``; accepted while idle, or with two buffers while no start is kept.
    start, busy, queued, cycles :
        See ``ArrayControl``.
    results : stream Out
        See ``rtl.array.drain``: activations in the order tile, filter, group of pixels.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self.config = config
        super().__init__(array_signature(config))

    def elaborate(self, platform: Any) -> Elaboratable:
        """Control, biases, rows, output path."""
        m = Module()
        m.submodules.control = control = ArrayControl(self.config)
        begin, write_en = Signal(), Signal()
        m.d.comb += [
            self.write.ready.eq(control.takes_loads),
            write_en.eq(self.write.valid & self.write.ready),
            begin.eq(control.launch),
            control.write_en.eq(write_en),
            control.write.eq(self.write.payload),
            control.start.eq(self.start),
            self.busy.eq(control.busy),
            self.queued.eq(control.queued),
            self.cycles.eq(control.cycles),
        ]
        biases = self._biases(m, control, begin, write_en)
        m.submodules.drain = drain = Drain(self.config)
        m.d.comb += [
            drain.start.eq(begin),
            drain.registers.eq(control.registers),
            control.finished.eq(drain.results.valid & drain.results.ready & drain.results.payload.last),
        ]
        if self.config.lockstep:
            self._lockstep(m, biases, drain, control, begin, write_en)
        else:
            self._joined(m, biases, self._rows(m, control, begin, write_en), drain, control.registers)
        connect(m, drain.results, flipped(self.results))
        return m

    def _lockstep(
        self, m: Module, biases: Any, drain: Drain, control: ArrayControl, begin: Signal, write_en: Signal
    ) -> None:
        m.submodules.rows = rows = LockstepRows(self.config)
        m.d.comb += [
            rows.write_en.eq(write_en),
            rows.write.eq(self.write.payload),
            rows.start.eq(begin),
            rows.running.eq(self.busy),
            rows.halves.eq(control.halves),
            rows.last_tile.eq(control.registers.last_tile),
        ]
        connect(m, biases, rows.biases)
        connect(m, rows.sums, drain.sums)

    def _joined(self, m: Module, biases: Any, rows: Sequence[Row], drain: Drain, registers: Any) -> None:
        """One chain, or stacks of rows that a layer joins."""
        if self.config.subarrays == 1:
            self._start_from(m, biases, rows[0])
            self._chain(m, rows)
            connect(m, rows[-1].total, drain.sums)
        else:
            self._stacks(m, biases, rows, drain, inner_mask(self.config, registers.last_subarray))

    def _start_from(self, m: Module, biases: Any, row: Row) -> None:
        m.d.comb += [row.initial.valid.eq(biases.valid), biases.ready.eq(row.initial.ready)]
        m.d.comb += [row.initial.payload[lane].eq(biases.payload) for lane in range(self.config.lanes)]

    def _chain(self, m: Module, rows: Sequence[Row]) -> None:
        for above, below in pairwise(rows):
            connect(m, above.total, below.initial)

    def _stacks(self, m: Module, biases: Any, rows: Sequence[Row], drain: Drain, inner: Any) -> None:
        """Stacks of rows with a link between each two; the first rows get biases, the last ones' sums are drained."""
        m.submodules.bias_fork = fork = BiasFork(self.config)
        m.submodules.tail_select = select = TailSelect(self.config)
        m.d.comb += [fork.inner.eq(inner), select.tail.eq(drain.tail)]
        connect(m, biases, fork.biases)
        connect(m, select.sums, drain.sums)
        height = self.config.rows // self.config.subarrays
        stacks = [rows[first : first + height] for first in range(0, self.config.rows, height)]
        self._start_from(m, fork.heads[0], rows[0])
        for stack in stacks:
            self._chain(m, stack)
        for number, (above, below) in enumerate(pairwise(stacks), start=1):
            m.submodules[f"link_{number}"] = link = ChainLink(self.config)
            m.d.comb += link.cut.eq(is_cut(number, inner))
            connect(m, above[-1].total, link.above)
            connect(m, fork.heads[number], link.head)
            connect(m, link.below, below[0].initial)
            connect(m, link.tail, select.tails[number - 1])
        connect(m, rows[-1].total, select.tails[-1])

    def _biases(self, m: Module, control: ArrayControl, begin: Signal, write_en: Signal) -> Any:
        m.submodules.bias_bank = bank = SRAM(self.config.bias_depth, self.config.acc_bits, self.config.buffers)
        m.submodules.bias_source = source = BiasSource(self.config)
        m.d.comb += [
            bank.write_en.eq(write_en & (self.write.payload.space == Space.BIAS)),
            bank.write_address.eq(self.write.payload.address),
            bank.write_data.eq(self.write.payload.data),
            bank.half.eq(control.halves.bias),
            bank.read_en.eq(source.bank_en),
            bank.read_address.eq(source.bank_address),
            source.bank_data.eq(bank.read_data),
            source.start.eq(begin),
            source.running.eq(self.busy),
            source.last_filter.eq(control.registers.last_filter),
        ]
        return source.biases

    def _rows(self, m: Module, control: ArrayControl, begin: Signal, write_en: Signal) -> list[Row]:
        rows = [Row(self.config) for _ in range(self.config.rows)]
        for index, row in enumerate(rows):
            m.submodules[f"row_{index}"] = row
            m.d.comb += [
                row.write_en.eq(write_en & (self.write.payload.row == index)),
                row.write.eq(self.write.payload),
                row.start.eq(begin),
                row.running.eq(self.busy),
                row.halves.eq(control.halves),
                row.last_tile.eq(control.registers.last_tile),
            ]
        return rows
