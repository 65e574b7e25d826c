"""Results out: a queue, and a port that keeps AXI4-Stream's rules through a soft reset."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, ResetInserter, Signal
from amaranth.lib import stream
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import Component, In, Out

from rtl.array.drain import result_layout
from rtl.axi.ports import axi_stream
from rtl.config import ArrayConfig

__all__ = ["QUEUE_DEPTH", "SENDER_LATENCY", "Sender", "result_bytes"]

SENDER_LATENCY = 3
"""Cycles from a result that the array hands over to its beat, while the receiver takes each at once."""

QUEUE_DEPTH = 16
"""Beats of results that are queued before the array has to wait for the receiver."""


def result_bytes(config: ArrayConfig) -> int:
    """Bytes of a beat: one per activation, and zero bytes up to a power of two."""
    return 1 << (config.requant_lanes - 1).bit_length()


class Sender(Component):
    """Sends a layer's results as one packet: one byte per activation, TLAST on the last beat.

    ``abort`` empties the queue. A beat that is on offer stays, as the rules require; and when the packet has begun, one
    more beat of zeros with TLAST ends it, so that the receiver is not left waiting.

    Members
    -------
    results : In
        From the array.
    send : Out
    abort : In
    pending : Out
        Something is queued, on offer, or to be ended.
    aborting : Out
        The closing beat is still to be offered.
    taken, finished : Out
        High in the cycle in which a beat of results, and in which the last one of a layer, is taken.
    """

    def __init__(self, config: ArrayConfig, depth: int = QUEUE_DEPTH) -> None:
        self._config = config
        self._depth = depth
        super().__init__(
            {
                "results": In(stream.Signature(result_layout(config))),
                "send": Out(axi_stream(8 * result_bytes(config))),
                "abort": In(1),
                "pending": Out(1),
                "aborting": Out(1),
                "taken": Out(1),
                "finished": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Queue, port register, closing beat."""
        m = Module()
        width = result_layout(self._config).size
        fifo = SyncFIFOBuffered(width=width, depth=self._depth)
        m.submodules.queue = ResetInserter(self.abort)(fifo)
        send, room, closing, begun = self.send, Signal(), Signal(), Signal()
        beat = Signal(result_layout(self._config))
        m.d.comb += [
            fifo.w_data.eq(self.results.payload.as_value()),
            fifo.w_en.eq(self.results.valid),
            self.results.ready.eq(fifo.w_rdy),
            beat.eq(fifo.r_data),
            room.eq(~send.tvalid | send.tready),
            fifo.r_en.eq(room & ~self.aborting & ~self.abort),
            self.taken.eq(send.tvalid & send.tready & ~closing),
            self.finished.eq(self.taken & send.tlast),
            self.pending.eq(send.tvalid | fifo.r_rdy | (fifo.level != 0) | self.aborting),
        ]
        with m.If(room):
            m.d.sync += send.tvalid.eq(self.aborting)
            with m.If(self.aborting):
                m.d.sync += [send.tdata.eq(0), send.tlast.eq(1), closing.eq(1), self.aborting.eq(0)]
            with m.Elif(fifo.r_rdy & fifo.r_en):
                m.d.sync += [
                    send.tvalid.eq(1),
                    send.tdata.eq(self._bytes(beat)),
                    send.tlast.eq(beat.last),
                    closing.eq(0),
                    begun.eq(~beat.last),
                ]
        with m.If(self.abort & begun):
            m.d.sync += [self.aborting.eq(1), begun.eq(0)]
        return m

    def _bytes(self, beat: Any) -> Any:
        act_bits = self._config.act_bits
        values = (beat.values.as_value().word_select(n, act_bits) for n in range(self._config.requant_lanes))
        return Cat(Cat(value, Signal(8 - act_bits, name="blank")) if act_bits < 8 else value for value in values)
