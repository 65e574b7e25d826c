"""When a layer starts, and when it is stopped."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Signal
from amaranth.lib.wiring import Component, In, Out

__all__ = ["RunControl"]


class RunControl(Component):
    """Starts a loaded layer, refuses any other START, and stops a layer that takes more cycles than it may.

    START comes from the register port, and is answered at once; or from the load stream, where it waits until it can be
    answered. With two buffers (``queues``) one START is kept by the array while a layer runs.

    Members
    -------
    start_command, reset_command : In
        START and SOFT_RESET of the register port, each high for a cycle; the second wins.
    stream_start, stream_ready : In, Out
        START of the load stream, and that it is answered in this cycle.
    stream_barred : In
        A load packet was wrong, and the host has not taken note of it: START of the load stream is refused.
    array_busy, array_queued, cycles : In
        Of the array: ``cycles`` counts those of the layer that runs.
    sending, loading, loaded : In
        Results are still to be taken; a load packet is under way; a whole layer is loaded.
    watchdog : In
        Logarithm to base 2 of the cycles that a layer may take.
    start, reset : Out
        To the array. ``reset`` stops loads and results as well.
    refused, not_loaded : Out
        The answer to a START that does nothing: not now, or not before a whole layer is loaded.
    expired : Out
        High for one cycle, a cycle after the first one that is too many; then ``reset`` is high, too.
    """

    def __init__(self, queues: bool = False, cycle_bits: int = 32) -> None:
        self._queues = queues
        ports = ("start_command", "reset_command", "stream_start", "stream_barred", "array_busy", "array_queued")
        states = ("sending", "loading", "loaded")
        answers = ("start", "reset", "refused", "not_loaded", "expired", "stream_ready")
        super().__init__(
            {
                **{name: In(1) for name in (*ports, *states)},
                "cycles": In(cycle_bits),
                "watchdog": In(range(cycle_bits)),
                **{name: Out(1) for name in answers},
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """The watchdog, then one answer to each START."""
        m = Module()
        asked, streamed, accepted, occupied = Signal(), Signal(), Signal(), Signal()
        below_top = (self.watchdog <= place for place in range(len(self.cycles) - 1))
        too_many = (self.cycles & Cat(*below_top, 1)).any()
        m.d.sync += self.expired.eq(self.array_busy & too_many & ~self.reset)
        full = self.array_queued if self._queues else self.array_busy | self.array_queued
        m.d.comb += [
            self.reset.eq(self.reset_command | self.expired),
            self.stream_ready.eq(~full),
            occupied.eq(full | self.loading | self.expired | (0 if self._queues else self.sending)),
            asked.eq(self.start_command & ~self.reset_command),
            streamed.eq(self.stream_start & self.stream_ready & ~self.reset),
            accepted.eq((asked & ~occupied) | (streamed & ~self.stream_barred)),
            self.refused.eq((asked & occupied) | (streamed & self.stream_barred)),
            self.not_loaded.eq(accepted & ~self.loaded),
            self.start.eq(accepted & self.loaded),
        ]
        return m
