"""A row: control, banks, aligner and lanes of one slice of the filter positions."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from rtl.array.addresser import Addresser
from rtl.array.aligner import Aligner
from rtl.array.buffers import halves_layout
from rtl.array.pe import PE
from rtl.array.row_control import RowControl
from rtl.array.sram import SRAM
from rtl.array.write_bus import Space, write_bus_layout
from rtl.config import ArrayConfig
from rtl.widths import COUNT_BITS, table_layout

__all__ = ["Row", "sums_layout"]


def sums_layout(config: ArrayConfig) -> data.ArrayLayout:
    """One accumulator per lane."""
    return data.ArrayLayout(signed(config.acc_bits), config.lanes)


class Row(Component):
    """Multiply one weight stream with ``lanes`` pixels at a time.

    The row above's sum of filter k is added to this row's when both are done, and the result is left for the row below:
    a systolic chain with ``chain_depth`` registers between rows and no adder tree.

    Members
    -------
    write_en, write : In
        A write to this row.
    start, last_tile : In
    running : In
        A layer runs, and what it reads is not written.
    halves : In
        See ``rtl.array.buffers``.
    initial : stream In
        Sums of the row above, one beat per filter and tile.
    total : stream Out
        The same with this row's products added.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "write_en": In(1),
                "write": In(write_bus_layout(config)),
                "start": In(1),
                "last_tile": In(COUNT_BITS),
                "running": In(1),
                "halves": In(halves_layout()),
                "initial": In(stream.Signature(sums_layout(config))),
                "total": Out(stream.Signature(sums_layout(config))),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Instantiate, then wire banks, lanes and chain."""
        m = Module()
        config = self._config
        m.submodules.control = control = RowControl(config)
        m.submodules.weights = weights = SRAM(config.weight_depth, config.word_bits, config.buffers)
        m.submodules.table = table = SRAM(config.table_depth, table_layout(config).size, config.buffers)
        m.submodules.addresser = addresser = Addresser(config)
        m.submodules.aligner = aligner = Aligner(config)
        self._connect_activations(m, control, addresser, aligner)
        for bank, space in ((weights, Space.WEIGHT), (table, Space.TABLE)):
            m.d.comb += [
                bank.write_en.eq(self.write_en & (self.write.space == space)),
                bank.write_address.eq(self.write.address),
                bank.write_data.eq(self.write.data),
            ]
        m.d.comb += [
            weights.half.eq(self.halves.weight),
            table.half.eq(self.halves.table),
            weights.read_en.eq(control.fetch),
            table.read_en.eq(control.read),
            control.register_en.eq(self.write_en & (self.write.space == Space.ROW)),
            control.register_index.eq(self.write.address),
            control.register_data.eq(self.write.data),
            control.start.eq(self.start),
            control.last_tile.eq(self.last_tile),
            control.running.eq(self.running),
            control.turn.eq(self.halves.turn),
            weights.read_address.eq(control.weight_address),
            control.weight_word.eq(weights.read_data),
            table.read_address.eq(control.table_address),
            addresser.advance.eq(control.advance),
            addresser.offset.eq(control.offset),
            addresser.table_word.eq(table.read_data),
            control.initial_valid.eq(self.initial.valid),
            self.initial.ready.eq(control.initial_ready),
            self.total.valid.eq(control.total_valid),
            control.total_ready.eq(self.total.ready),
        ]
        self._connect_lanes(m, control, aligner)
        return m

    def _connect_activations(self, m: Module, control: RowControl, addresser: Addresser, aligner: Aligner) -> None:
        """Even and odd words in separate banks, so that two neighbours are read at once."""
        config = self._config
        m.d.comb += [
            aligner.advance.eq(control.advance),
            aligner.shift.eq(addresser.shift),
            aligner.from_odd.eq(addresser.from_odd),
        ]
        for parity, address, word in (
            (0, addresser.even_address, aligner.even),
            (1, addresser.odd_address, aligner.odd),
        ):
            bank = SRAM(config.activation_depth // 2, config.lanes * config.act_bits, config.buffers)
            m.submodules["activations_odd" if parity else "activations_even"] = bank
            m.d.comb += [
                bank.write_en.eq(
                    self.write_en & (self.write.space == Space.ACTIVATION) & (self.write.address[0] == parity)
                ),
                bank.write_address.eq(self.write.address >> 1),
                bank.write_data.eq(self.write.data),
                bank.half.eq(self.halves.activation),
                bank.read_en.eq(control.read),
                bank.read_address.eq(address),
                word.eq(bank.read_data),
            ]

    def _connect_lanes(self, m: Module, control: RowControl, aligner: Aligner) -> None:
        for lane in range(self._config.lanes):
            m.submodules[f"pe_{lane}"] = pe = PE(self._config)
            m.d.comb += [
                pe.advance.eq(control.advance),
                pe.activation.eq(aligner.pixels[lane]),
                pe.factor.eq(control.factor),
                pe.accumulate.eq(control.accumulate),
                pe.between.eq(control.between),
                pe.capture.eq(control.capture),
                pe.oldest.eq(control.oldest),
                pe.initial.eq(self.initial.payload[lane]),
                self.total.payload[lane].eq(pe.total),
            ]
