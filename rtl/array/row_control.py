"""A row's control: fetch words, decode them, mark the first tokens of filters, pass sums down the chain."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import Any

from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from rtl.array.buffers import loaded_registers
from rtl.array.multiplier import factor_layout, factor_members
from rtl.config import ArrayConfig
from rtl.data_register import data_register
from rtl.formats.registry import make_decoder
from rtl.widths import COUNT_BITS, address_bits, level_layout, product_stage, row_registers

__all__ = ["RowControl"]


class RowControl(Component):
    """Everything in a row except lanes and banks.

    Nine stages move together on ``advance``: fetch, word, decode, table, address, bank, align, multiply, accumulate;
    without a ``product_stage`` the last two are one, with two ``aligner_stages`` align is two.
    The first two wait where the decoder needs no new word; decoding may take more stages (``extra_latency``).
    A filter is closed when the next one's first token is accumulated, or when no token is left. The last stage stalls
    the row until the sum from the row above (``initial_valid``) and room for the closed one are there.

    Members
    -------
    register_en, register_index, register_data : In
        Write one member of ``row_registers``.
    start, last_tile : In
        Begin a layer; tiles of the layer minus one.
    running : In
        What a layer reads is not written; it is read only then.
    turn : In
        Take over the registers that were loaded (``rtl.array.buffers``).
    fetch, weight_address, weight_word, table_address : weight bank and table ports
    read : Out
        Read table and activation banks.
    offset : Out
        To the addresser, in the address stage.
    factor, accumulate, between, capture, oldest : Out
        To the lanes, in the align and the accumulate stage.
    initial_valid, initial_ready, total_valid, total_ready :
        The chain's handshakes. ``total_ready`` makes room for a sum in the next cycle.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "register_en": In(1),
                "register_index": In(3),
                "register_data": In(32),
                "start": In(1),
                "last_tile": In(COUNT_BITS),
                "running": In(1),
                "turn": In(1),
                "advance": Out(1),
                "fetch": Out(1),
                "read": Out(1),
                "weight_address": Out(address_bits(config.weight_depth)),
                "weight_word": In(config.word_bits),
                "table_address": Out(address_bits(config.table_depth)),
                "offset": Out(address_bits(config.activation_depth)),
                "factor": Out(factor_layout(config)),
                "accumulate": Out(1),
                "between": Out(1),
                "capture": Out(config.chain_depth),
                "oldest": Out(config.chain_depth, init=1),
                "initial_valid": In(1),
                "initial_ready": Out(1),
                "total_valid": Out(1),
                "total_ready": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """The stages in order, then the handshakes."""
        m = Module()
        registers = loaded_registers(
            m,
            self._config,
            row_registers(self._config),
            self.register_en,
            self.register_index,
            self.register_data,
            self.turn,
        )
        m.submodules.decoder = decoder = make_decoder(self._config)
        m.d.comb += [
            decoder.start.eq(self.start),
            decoder.advance.eq(self.advance),
            decoder.registers.eq(registers),
            self.read.eq(self.advance & self.running),
            self.table_address.eq(decoder.token.position),
        ]
        self._fetch(m, registers, decoder)
        self._offset(m, decoder)
        valid, between = self._delay(m, decoder)
        self._hand_over(m, valid, between)
        return m

    def _fetch(self, m: Module, registers: data.View, decoder: Any) -> None:
        """Read the weight bank from first to last word once per tile, a word whenever the decoder needs the next."""
        active = Signal()
        tile, address = Signal(COUNT_BITS, reset_less=True), data_register(m, self.weight_address)
        ends_tile, moves = Signal(), Signal()
        m.d.comb += [
            ends_tile.eq(address == registers.last_word),
            moves.eq(self.advance & decoder.next),
            self.fetch.eq(moves & self.running),
        ]
        with m.If(self.start):
            m.d.sync += [active.eq(1), tile.eq(0), address.eq(0)]
        with m.Elif(moves & active):
            m.d.sync += address.eq(address + 1)
            with m.If(ends_tile):
                m.d.sync += [address.eq(0), tile.eq(tile + 1), active.eq(tile != self.last_tile)]
        fetched, fetched_ends_tile = Signal(), Signal()
        word = data_register(m, decoder.word)
        with m.If(moves):
            m.d.sync += [
                fetched.eq(active),
                fetched_ends_tile.eq(ends_tile),
                word.eq(self.weight_word),
                decoder.word_valid.eq(fetched),
                decoder.word_ends_tile.eq(fetched_ends_tile),
            ]

    def _offset(self, m: Module, decoder: Any) -> None:
        """Where this tile (and the channel, if counted) lies in the activation bank, beside the token's table word."""
        token, place = decoder.token, address_bits(self._config.activation_depth)
        tile, base = Signal(place, reset_less=True), Signal(place, reset_less=True)
        offset, ends_tile = data_register(m, self.offset), Signal()
        with m.If(self.start):
            m.d.sync += tile.eq(0)
        with m.Elif(self.advance & ends_tile):
            m.d.sync += tile.eq(tile + 1)
        with m.If(self.advance):
            m.d.sync += [ends_tile.eq(decoder.token_valid & token.ends_tile), offset.eq(tile + base)]
            if self._config.index.counts_positions:
                m.d.sync += base.eq(token.base)

    def _delay(self, m: Module, decoder: Any) -> tuple[Signal, Signal]:
        """Delay level and flags to the stages that use them; return valid and between of the final stage.

        ``between`` is worked out as early as can be: from its register it goes to all lanes.
        """
        flags = data.StructLayout({"valid": 1, "between": 1})
        last = ("multiply",) if product_stage(self._config.weight_bits) else ()
        before = ("table", "address", "bank", *(("choose",) if self._config.aligner_stages == 2 else ()))
        names = (*before, "align", *last)
        stages = [Signal(flags, name=f"stage_{n}", init={"between": 1}) for n in names]
        layout = level_layout(self._config)
        levels = [Signal(layout, name=f"level_{n}", reset_less=True) for n in before]
        factor = data_register(m, self.factor)
        token = decoder.token
        with m.If(self.advance):
            m.d.sync += [
                stages[0].valid.eq(decoder.token_valid),
                stages[0].between.eq(~decoder.token_valid | token.first),
                levels[0].eq(token.level),
            ]
            m.d.sync += [late.eq(early) for early, late in chain(pairwise(stages), pairwise(levels))]
            m.d.sync += [factor[name].eq(value) for name, value in factor_members(self._config, levels[-1]).items()]
        return stages[-1].valid, stages[-1].between

    def _hand_over(self, m: Module, valid: Signal, between: Signal) -> None:
        """Close a filter that is done: take its sum from above, keep ours for the row below.

        Between the first token of a layer and its last there are no cycles without one, so that none means the end.
        """
        is_open, held, closes = Signal(), Signal(range(self._config.chain_depth + 1)), Signal()
        taken = self.total_valid & self.total_ready
        m.d.comb += [
            self.between.eq(between),
            self.initial_ready.eq(is_open & between & (held != self._config.chain_depth)),
            closes.eq(self.initial_ready & self.initial_valid),
            self.advance.eq(~(valid & between & is_open) | closes),
            self.accumulate.eq(valid & self.advance),
            self.total_valid.eq(held != 0),
        ]
        m.d.sync += held.eq(held + closes - taken)
        with m.If(self.accumulate):
            m.d.sync += is_open.eq(1)
        with m.Elif(closes):
            m.d.sync += is_open.eq(0)
        self._slots(m, closes, taken)

    def _slots(self, m: Module, closes: Signal, taken: Any) -> None:
        """Sums are kept and handed on in a circle of registers."""
        if self._config.chain_depth == 1:
            m.d.comb += [self.oldest.eq(1), self.capture.eq(closes)]
            return
        newest = Signal.like(self.oldest)
        for slot, moves in ((newest, closes), (self.oldest, taken)):
            with m.If(moves):
                m.d.sync += slot.eq(slot.rotate_left(1))
        m.d.comb += self.capture.eq(newest & closes.replicate(len(newest)))
