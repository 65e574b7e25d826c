"""Index decoders against the packer, for every mask of a few small filters and every pattern of stalls.

A new index format is one line in ``CASES``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from amaranth.hdl import Array, Module, Signal

from rtl.config import ArrayConfig
from rtl.decoders.registry import make_decoder
from rtl.indexformats import Bitmap, Dense, Fixed, IndexFormat, Rice
from rtl.widths import row_registers
from sim.packers.registry import make_packer
from tests.formal.engine import Harness, In, Proof

PLANE = 2


@dataclass(frozen=True)
class Example:
    """Words of one pass, the row's registers for them, and (filter, position, base, level) of every weight in order."""

    words: list[int]
    registers: dict[str, int]
    weights: list[tuple[int, int, int, int]]
    filters: int


@dataclass(frozen=True)
class Case:
    """An index format with all its examples."""

    index: IndexFormat
    examples: Callable[[IndexFormat], list[Example]]


def every_mask(filters: int, positions: int, index: IndexFormat) -> list[Example]:
    """All masks of ``filters`` x ``positions``, as the packer packs them."""
    packer = make_packer(index, weight_bits=1)
    signs = np.where(np.arange(filters * positions) % 2, 1, -1).astype(np.int16)
    examples = []
    for mask in product((0, 1), repeat=filters * positions):
        levels = (signs * np.array(mask, np.int16)).reshape(filters, positions)
        words = [int(word) for word in packer.encode(levels)]
        weights = [(int(k), int(p) + index.leading_positions, 0, int(levels[k, p])) for k, p in np.argwhere(levels)]
        registers = {**packer.plan(levels != 0).registers, "last_word": len(words) - 1}
        examples.append(Example(words, registers, weights, filters))
    return examples


def every_size(filters: int, most: int, index: IndexFormat) -> list[Example]:
    """Dense filters of 1..most taps in 1..most channels."""
    examples = []
    for taps, channels in product(range(1, most + 1), repeat=2):
        places = list(product(range(filters), range(channels), range(taps)))
        words = [number % 2 for number in range(len(places))]
        weights = [(k, tap, PLANE * c, -1 if word else 1) for (k, c, tap), word in zip(places, words, strict=True)]
        registers = {"last_tap": taps - 1, "last_channel": channels - 1, "plane": PLANE, "last_word": len(words) - 1}
        examples.append(Example(words, registers, weights, filters))
    return examples


CASES = (
    Case(Fixed(1), partial(every_mask, 2, 3)),
    Case(Fixed(2), partial(every_mask, 1, 6)),
    Case(Bitmap(2), partial(every_mask, 1, 4)),
    Case(Rice(1), partial(every_mask, 1, 4)),
    Case(Dense(), partial(every_size, 2, 3)),
)


class DecoderPasses(Harness):
    """Feed the words of one freely chosen example again and again, and follow the tokens."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.config = ArrayConfig(
            rows=1, lanes=1, weight_bits=1, index=case.index, weight_depth=32, activation_depth=16, table_depth=8
        )
        self.examples = case.examples(case.index)
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
        """Brackets, then each weight in turn, then nothing left at the end of a pass."""
        examples, token = self.examples, dut.token
        most = max(len(example.weights) for example in examples)
        size = 1 << most.bit_length()
        found, filter_, inside = Signal(range(size)), Signal(4), Signal()
        expected = self._expected(choice * size + found, size)
        filters = Array([example.filters for example in examples])[choice]
        number = Array([len(example.weights) for example in examples])[choice]
        # A token is looked at where the row takes it: its successor is then at the decoder's input.
        taken = dut.advance & dut.token_valid
        begun = Signal(4)
        m.d.comb += begun.eq(filter_ + token.first)
        weight = taken & (token.level != 0)
        with m.If(taken):
            m.d.sync += [inside.eq(~token.last), filter_.eq(begun), found.eq(found + (token.level != 0))]
            with m.If(token.ends_tile):
                m.d.sync += [filter_.eq(0), found.eq(0)]
        self.check(m, "tokens: first and last bracket each filter", ~taken | (inside != token.first))
        fields = {"position": token.position, "level": token.level, "filter": begun - 1}
        if self.config.is_dense:
            fields["base"] = token.base
        for name, value in fields.items():
            self.check(m, f"weights: {name}", ~weight | (value == expected[name]))
        self.check(m, "weights: none invented", ~weight | (found < number))
        ends = taken & token.ends_tile
        self.check(m, "passes: none lost", ~ends | (found + (token.level != 0) == number))
        self.check(m, "passes: every filter has tokens", ~ends | ((begun == filters) & token.last))

    def _expected(self, place: Any, size: int) -> dict[str, Any]:
        names = ("filter", "position", "base", "level")
        rows = [
            row
            for example in self.examples
            for row in [*example.weights, *[(0, 0, 0, 0)] * (size - len(example.weights))]
        ]
        return {name: Array([row[n] for row in rows])[place] for n, name in enumerate(names)}


PROOFS = tuple(Proof(f"Decoder of {case.index}", partial(DecoderPasses, case)) for case in CASES)
