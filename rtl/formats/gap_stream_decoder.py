"""What the decoders of a stream of gaps share: a register between the buffer and the running position."""

from __future__ import annotations

from typing import ClassVar

from amaranth.hdl import Module, Signal
from amaranth.lib import data

from rtl.formats.bit_buffer import BitBuffer
from rtl.formats.gap_counter import GapCounter
from rtl.formats.stream_decoder import StreamDecoder
from rtl.widths import position_bits

__all__ = ["GapStreamDecoder"]


class GapStreamDecoder(StreamDecoder):
    """Find a step in the bits at the front, register it, advance the position by it."""

    extra_latency: ClassVar[int] = 2

    def _counted(self, m: Module, buffer: BitBuffer) -> tuple[data.View, GapCounter]:
        """The register to drive with ``gap``, ``code``, ``skips`` and ``ends_filter``, and the counter behind it."""
        step = Signal(
            data.StructLayout(
                {"gap": position_bits(self._config), "code": self._config.weight_bits, "skips": 1, "ends_filter": 1}
            ),
            reset_less=True,
        )
        valid, ends_tile = Signal(), Signal()
        counter = GapCounter(self._config)
        self._count_with(m, counter)
        with m.If(self.advance):
            m.d.sync += [valid.eq(buffer.valid), ends_tile.eq(buffer.ends_tile)]
        m.d.comb += [
            counter.positions.eq(self.registers.positions),
            counter.valid.eq(valid),
            counter.gap.eq(step.gap),
            counter.code.eq(step.code),
            counter.skips.eq(step.skips),
            counter.ends_filter.eq(step.ends_filter),
            counter.ends_tile.eq(ends_tile),
        ]
        return step, counter
