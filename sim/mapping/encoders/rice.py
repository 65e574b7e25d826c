"""``Rice(k)``: Golomb-Rice gaps in a stream of bits, with the k that needs the fewest bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rtl.formats.rice import Rice
from sim.mapping.encoders.bitstream import BitReader, stream_shape, to_words
from sim.mapping.encoders.gaps import GapSteps, RowGaps, Step, place_steps
from sim.mapping.encoders.packer import Packer, RowPlan

__all__ = ["RicePacker"]


class RicePacker(Packer[Rice]):
    """Code, quotient and remainder of each step."""

    def plan(self, mask_kl: NDArray[np.bool_]) -> RowPlan:
        """Steps of the best k, and the words that their bits fill."""
        k, steps = self._best(mask_kl)
        words, first_bit = stream_shape(self._bits(steps, k), self.word_bits)
        registers = {"positions": mask_kl.shape[1], "first_bit": first_bit, "remainder_bits": k}
        return RowPlan(steps.tokens_k, words, registers)

    def _best(self, mask_kl: NDArray[np.bool_]) -> tuple[int, GapSteps]:
        """The k with the fewest bits, then with the fewest steps."""
        gaps = RowGaps(mask_kl)
        tried = [(k, gaps.steps(self.index.window << k)) for k in range(self.index.max_remainder_bits + 1)]
        return min(tried, key=lambda pair: (self._bits(pair[1], pair[0]), int(pair[1].tokens_k.sum())))

    def _bits(self, steps: GapSteps, k: int) -> int:
        """Every token has code and remainder; nonzeros add their quotient and a 1, others ``window`` zeros."""
        escapes = int(steps.fillers.sum() + steps.marks.sum())
        nonzeros = len(steps.marks) - int(steps.marks.sum())
        quotients = int((steps.gap >> k).sum()) + nonzeros
        return (escapes + nonzeros) * (self.weight_bits + k) + escapes * self.index.window + quotients

    def encode(self, levels_kl: NDArray[np.int16]) -> NDArray[np.uint64]:
        """Each step as one field, then the stream."""
        k, steps = self._best(levels_kl != 0)
        window, real = self.index.window, ~steps.marks
        filler, end = 0, (1 << self.weight_bits) - 1
        quotient = (steps.gap[real] >> k).astype(np.uint64)
        remainder = (steps.gap[real] & ((1 << k) - 1)).astype(np.uint64)
        codes = self.codes.encode(levels_kl[levels_kl != 0])
        tokens = np.full(len(steps.marks), end, np.uint64)
        one = np.uint64(1)
        tokens[real] = codes | (one | remainder << one) << quotient << np.uint64(self.weight_bits)
        unary = np.full(len(steps.marks), window, np.uint64)
        unary[real] = quotient + one
        lengths = steps.spread(unary, window).astype(np.int64) + self.weight_bits + k
        return to_words(steps.spread(tokens, filler), lengths, self.word_bits)

    def decode(self, words: NDArray[np.uint64], plan: RowPlan, positions: int) -> NDArray[np.int16]:
        """Read token by token."""
        reader = BitReader(words, self.word_bits, plan.registers["first_bit"])
        steps = self._steps(reader, plan.registers["remainder_bits"])
        return place_steps(steps, len(plan.tokens_k), positions)

    def _steps(self, reader: BitReader, k: int) -> Iterator[Step]:
        while reader:
            code = reader.number(self.weight_bits)
            quotient, remainder = reader.zeros(self.index.window), reader.number(k)
            if quotient < self.index.window:
                yield Step(quotient << k | remainder, self.codes.level(code))
            else:
                yield Step(0, ends_filter=True) if code & 1 else Step(quotient << k | remainder)
