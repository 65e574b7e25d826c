"""Index decoders against the packer, for every mask of a few small filters and every pattern of stalls.

A new index format is one line in ``CASES``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from amaranth.hdl import Array, Module, Mux, Signal, signed

from rtl.config import ArrayConfig
from rtl.formats.bitmap import Bitmap
from rtl.formats.decompress import Decompress
from rtl.formats.dense import Dense
from rtl.formats.dense_zeros import DenseZeros
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat
from rtl.formats.nm import NM
from rtl.formats.registry import make_decoder
from rtl.formats.rice import Rice
from rtl.widths import row_registers
from tests.formal.decoder_examples import Example, every_mask, every_size
from tests.formal.engine import Harness, In, Proof
from tests.levels import level_value


@dataclass(frozen=True)
class Case:
    """An index format with all its examples; ``shared``: several tokens may make up a weight."""

    index: IndexFormat
    examples: Callable[[IndexFormat, int], list[Example]]
    weight_bits: int = 1
    shared: bool = False


CASES = (
    Case(Fixed(1), partial(every_mask, 2, 3)),
    Case(Fixed(2), partial(every_mask, 1, 6)),
    Case(Bitmap(2), partial(every_mask, 1, 4)),
    Case(Rice(1), partial(every_mask, 1, 4)),
    Case(Dense(), partial(every_size, 2, 3)),
    Case(NM(2, 4), partial(every_mask, 2, 5), weight_bits=2, shared=True),
    Case(NM(2, 3), partial(every_mask, 1, 5), weight_bits=2, shared=True),
    Case(Decompress(), partial(every_size, 1, 2)),
    Case(DenseZeros(), partial(every_size, 1, 2)),
)


class DecoderPasses(Harness):
    """Feed the words of one freely chosen example again and again, and follow the tokens."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.config = ArrayConfig(
            rows=1,
            lanes=1,
            weight_bits=case.weight_bits,
            index=case.index,
            weight_depth=32,
            activation_depth=16,
            table_depth=8,
        )
        self.examples = case.examples(case.index, case.weight_bits)
        super().__init__({"choice": In(range(len(self.examples))), "advance": In(1), "go": In(1), "stop": In(1)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = make_decoder(self.config)
        examples = self.examples
        choice = self.constant(m, self.choice, "choice")
        self.assume(m, choice < len(examples))
        longest = max(len(example.words) for example in examples)
        width = (longest - 1).bit_length() or 1
        at, words, started, running = Signal(width), Signal(width), Signal(), Signal()
        table = [word for example in examples for word in self._padded(example.words, 1 << width)]
        m.d.sync += started.eq(1)
        m.d.comb += [
            words.eq(Array([len(example.words) - 1 for example in examples])[choice]),
            dut.start.eq(~started),
            dut.advance.eq(self.advance & started),
            dut.word.eq(Array(table)[choice * (1 << width) + at]),
            dut.word_valid.eq(running),
            dut.word_ends_tile.eq(at == words),
        ]
        for name, _ in row_registers(self.config):
            m.d.comb += dut.registers[name].eq(Array([example.registers[name] for example in examples])[choice])
        with m.If(dut.advance & dut.word_valid & dut.next):
            m.d.sync += at.eq(at + 1)
            with m.If(dut.word_ends_tile):
                m.d.sync += [at.eq(0), running.eq(~self.stop)]
        with m.If(~running & started & self.go):  # within a pass words follow each other, as the row fetches them
            m.d.sync += running.eq(1)
        self._check_tokens(m, dut, choice)

    def _padded(self, words: list[int], length: int) -> list[int]:
        return words + [0] * (length - len(words))

    def _check_tokens(self, m: Module, dut: Any, choice: Signal) -> None:
        """Where filters begin, as many tokens as planned, and what the tokens say."""
        token, level = dut.token, Signal(signed(self.case.weight_bits + 1))
        m.d.comb += level.eq(level_value(token.level))
        filter_, begun, count = Signal(4), Signal(4), Signal(8)
        taken = dut.advance & dut.token_valid
        ends = taken & token.ends_tile
        m.d.comb += begun.eq(filter_ + token.first)
        with m.If(taken):
            m.d.sync += [filter_.eq(begun), count.eq(count + 1)]
            with m.If(token.ends_tile):
                m.d.sync += [filter_.eq(0), count.eq(0)]
        filters, tokens = (
            Array([getattr(example, name) for example in self.examples])[choice] for name in ("filters", "tokens")
        )
        self.check(m, "passes: the first token begins a filter", ~taken | (count != 0) | token.first)
        self.check(m, "passes: every filter has tokens", ~ends | (begun == filters))
        self.check(m, "passes: as many tokens as planned", ~taken | ((count == tokens - 1) == token.ends_tile))
        check_weights = self._check_sums if self.case.shared else self._check_order
        check_weights(m, token, level, taken, choice, begun - 1)

    def _check_order(self, m: Module, token: Any, level: Any, taken: Any, choice: Signal, filter_: Any) -> None:
        """Each weight in turn, then nothing left at the end of a pass."""
        most = max(len(example.weights) for example in self.examples)
        size = 1 << most.bit_length()
        found = Signal(range(size))
        expected = self._expected(choice * size + found, size)
        number = Array([len(example.weights) for example in self.examples])[choice]
        with m.If(taken):
            m.d.sync += found.eq(Mux(token.ends_tile, 0, found + token.level.nonzero))
        weight = taken & token.level.nonzero
        fields = {"position": token.position, "level": level, "filter": filter_}
        if self.config.index.counts_positions:
            fields["base"] = token.base
        for name, value in fields.items():
            self.check(m, f"weights: {name}", ~weight | (value == expected[name]))
        self.check(m, "weights: none invented", ~weight | (found < number))
        ends = taken & token.ends_tile
        self.check(m, "passes: none lost", ~ends | (found + token.level.nonzero == number))

    def _check_sums(self, m: Module, token: Any, level: Any, taken: Any, choice: Signal, filter_: Any) -> None:
        """The levels of a filter's tokens add up to its weights, position by position."""
        filters, positions = self.examples[0].levels.shape
        sums = [Signal(signed(self.case.weight_bits + 2), name=f"sum_{p}") for p in range(positions)]
        totals = [Signal.like(kept, name=f"total_{p}") for p, kept in enumerate(sums)]
        whole, before = Signal(positions), Signal(positions)
        for p, (kept, total) in enumerate(zip(sums, totals, strict=True)):
            wanted = Array([int(example.levels[k, p]) for example in self.examples for k in range(filters)])
            m.d.comb += [
                total.eq(Mux(token.first, 0, kept) + Mux(token.position == p, level, 0)),
                whole[p].eq(total == wanted[choice * filters + filter_]),
                before[p].eq((filter_ == 0) | (kept == wanted[choice * filters + filter_ - 1])),
            ]
            with m.If(taken):
                m.d.sync += kept.eq(total)
        self.check(m, "weights: only at positions of the filter", ~taken | (token.position < positions))
        self.check(m, "weights: the levels at a position add up", ~(taken & token.first) | before.all())
        self.check(m, "weights: those of the last filter too", ~(taken & token.ends_tile) | whole.all())

    def _expected(self, place: Any, size: int) -> dict[str, Any]:
        names = ("filter", "position", "base", "level")
        rows = [
            row
            for example in self.examples
            for row in [*example.weights, *[(0, 0, 0, 0)] * (size - len(example.weights))]
        ]
        return {name: Array([row[n] for row in rows])[place] for n, name in enumerate(names)}


PROOFS = tuple(Proof(f"Decoder of {case.index}", partial(DecoderPasses, case)) for case in CASES)
