"""The interface all index decoders share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out

from rtl.widths import row_registers, token_layout

if TYPE_CHECKING:
    from rtl.config import ArrayConfig

__all__ = ["Decoder"]


class Decoder(Component):
    """Words in, tokens out, both only in cycles in which ``advance`` is high.

    ``start`` resets to the first word of a pass. Throughput: one token a cycle, no bubbles between the first token of
    a layer and its last. Latency: one cycle and ``extra_latency`` from the first word to the first token.

    Members
    -------
    word, word_valid, word_ends_tile : In
        The next word, and whether it is the last word of a pass.
    next : Out
        Whether the decoder is done with ``word``; it is replaced in the next cycle.
    registers : In
        The row's layer registers.
    token, token_valid : Out
        ``first`` begins a filter; every filter has at least one token. The ``level`` of a token that only moves on
        is not ``nonzero``.
    """

    extra_latency: ClassVar[int] = 0

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "advance": In(1),
                "word": In(config.word_bits),
                "word_valid": In(1),
                "word_ends_tile": In(1),
                "next": Out(1, init=1),
                "registers": In(row_registers(config)),
                "token": Out(token_layout(config)),
                "token_valid": Out(1),
            }
        )

    def _count_with(self, m: Module, counter: Any) -> None:
        """Let ``counter``, which moves with the decoder, make the tokens; its steps are left to wire."""
        m.submodules.counter = counter
        m.d.comb += [
            counter.start.eq(self.start),
            counter.advance.eq(self.advance),
            self.token.eq(counter.token),
            self.token_valid.eq(counter.token_valid),
        ]
