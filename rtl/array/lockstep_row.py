"""A row in lock-step: banks, aligner and lanes; taps and weight addresses come from the array's one control."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module
from amaranth.lib.wiring import Component, In, Out

from rtl.array.aligner import Aligner
from rtl.array.buffers import halves_layout
from rtl.array.lockstep_pe import LockstepPE
from rtl.array.lockstep_row_control import LockstepRowControl
from rtl.array.row import sums_layout
from rtl.array.sram import SRAM
from rtl.array.write_bus import Space, write_bus_layout
from rtl.config import ArrayConfig
from rtl.widths import address_bits, shift_bits

__all__ = ["LockstepRow"]


class LockstepRow(Component):
    """Multiply one weight stream with ``lanes`` pixels at a time.

    Members
    -------
    write_en, write : In
        A write to this row.
    halves : In
        See ``rtl.array.buffers``.
    advance, read, weight_address, word, behind, shift, first : In
        See ``rtl.array.lockstep_control``.
    tile : In
        That the row works on.
    above : In
        The accumulators of the row above.
    totals : Out
        This row's.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "write_en": In(1),
                "write": In(write_bus_layout(config)),
                "halves": In(halves_layout()),
                "advance": In(1),
                "read": In(1),
                "weight_address": In(address_bits(config.weight_depth)),
                "word": In(address_bits(config.activation_depth)),
                "behind": In(config.lanes - 1),
                "shift": In(shift_bits(config)),
                "first": In(1),
                "tile": In(address_bits(config.activation_depth)),
                "above": In(sums_layout(config)),
                "totals": Out(sums_layout(config)),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Instantiate, then wire banks and lanes."""
        m = Module()
        config = self._config
        m.submodules.control = control = LockstepRowControl(config)
        m.submodules.weights = weights = SRAM(config.weight_depth, config.word_bits, config.buffers)
        m.submodules.aligner = aligner = Aligner(config)
        m.d.comb += [
            control.advance.eq(self.advance),
            control.tile.eq(self.tile),
            control.word.eq(self.word),
            control.behind.eq(self.behind),
            control.weight_word.eq(weights.read_data),
            weights.write_en.eq(self.write_en & (self.write.space == Space.WEIGHT)),
            weights.write_address.eq(self.write.address),
            weights.write_data.eq(self.write.data),
            weights.half.eq(self.halves.weight),
            weights.read_en.eq(self.read),
            weights.read_address.eq(self.weight_address),
            aligner.advance.eq(self.advance),
            aligner.shift.eq(self.shift),
            aligner.from_odd.eq(control.from_odd),
        ]
        self._activations(m, "activations_even", 0, control.even_address, aligner.even)
        self._activations(m, "activations_odd", 1, control.odd_address, aligner.odd)
        for lane in range(config.lanes):
            m.submodules[f"pe_{lane}"] = pe = LockstepPE(config)
            m.d.comb += [
                pe.advance.eq(self.advance),
                pe.activation.eq(aligner.pixels[lane]),
                pe.factor.eq(control.factor),
                pe.first.eq(self.first),
                pe.above.eq(self.above[lane]),
                self.totals[lane].eq(pe.total),
            ]
        return m

    def _activations(self, m: Module, name: str, parity: int, address: Any, word: Any) -> None:
        """Even or odd words in a bank of their own, so that two neighbours are read at once."""
        config = self._config
        m.submodules[name] = bank = SRAM(config.activation_depth // 2, config.lanes * config.act_bits, config.buffers)
        written = (self.write.space == Space.ACTIVATION) & (self.write.address[0] == parity)
        m.d.comb += [
            bank.write_en.eq(self.write_en & written),
            bank.write_address.eq(self.write.address >> 1),
            bank.write_data.eq(self.write.data),
            bank.half.eq(self.halves.activation),
            bank.read_en.eq(self.read),
            bank.read_address.eq(address),
            word.eq(bank.read_data),
        ]
