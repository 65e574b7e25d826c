"""What the decoders of a bit stream share: the buffer, wired to their ports."""

from __future__ import annotations

from typing import ClassVar

from amaranth.hdl import Module

from rtl.formats.bit_buffer import BitBuffer
from rtl.formats.decoder import Decoder

__all__ = ["StreamDecoder"]


class StreamDecoder(Decoder):
    """A decoder whose words are a stream of tokens of any length, none longer than a word."""

    extra_latency: ClassVar[int] = 1

    def _buffered(self, m: Module) -> BitBuffer:
        """A buffer that shows the longest token; the lengths are left to wire."""
        m.submodules.buffer = buffer = BitBuffer(self._config.word_bits, self._config.word_bits)
        m.d.comb += [
            buffer.start.eq(self.start),
            buffer.advance.eq(self.advance),
            buffer.first_bit.eq(self.registers.first_bit),
            buffer.word.eq(self.word),
            buffer.word_valid.eq(self.word_valid),
            buffer.word_ends_tile.eq(self.word_ends_tile),
            self.next.eq(buffer.next),
        ]
        return buffer
