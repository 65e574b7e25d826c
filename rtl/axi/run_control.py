"""When a layer starts, and when it is stopped."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Signal
from amaranth.lib.wiring import Component, In, Out

__all__ = ["RunControl"]


class RunControl(Component):
    """Starts a loaded layer, refuses any other START, and stops a layer that takes more cycles than it may.

    Members
    -------
    start_command, reset_command : In
        START and SOFT_RESET, each high for a cycle; the second wins.
    array_busy, cycles : In
        Of the array: ``cycles`` counts those of the layer that runs.
    sending, loading, loaded : In
        Results are still to be taken; inside a load packet; a whole layer is loaded.
    watchdog : In
        Logarithm to base 2 of the cycles that a layer may take.
    start, reset : Out
        To the array. ``reset`` stops loads and results as well.
    refused, not_loaded : Out
        The answer to a START that does nothing: not now, or not before a whole layer is loaded.
    expired : Out
        High for one cycle, a cycle after the first one that is too many; then ``reset`` is high, too.
    """

    def __init__(self, cycle_bits: int = 32) -> None:
        ports = ("start_command", "reset_command", "array_busy", "sending", "loading", "loaded")
        answers = ("start", "reset", "refused", "not_loaded", "expired")
        super().__init__(
            {
                **{name: In(1) for name in ports},
                "cycles": In(cycle_bits),
                "watchdog": In(range(cycle_bits)),
                **{name: Out(1) for name in answers},
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """The watchdog, then one answer to each START."""
        m = Module()
        asked, occupied = Signal(), Signal()
        below_top = (self.watchdog <= place for place in range(len(self.cycles) - 1))
        too_many = (self.cycles & Cat(*below_top, 1)).any()
        m.d.sync += self.expired.eq(self.array_busy & too_many & ~self.reset)
        m.d.comb += [
            self.reset.eq(self.reset_command | self.expired),
            asked.eq(self.start_command & ~self.reset_command),
            occupied.eq(self.array_busy | self.sending | self.loading | self.expired),
            self.refused.eq(asked & occupied),
            self.not_loaded.eq(asked & ~occupied & ~self.loaded),
            self.start.eq(asked & ~occupied & self.loaded),
        ]
        return m
