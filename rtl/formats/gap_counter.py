"""From gaps to positions and filter brackets: the second half of every decoder of relative indices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amaranth.hdl import Elaboratable, Module, Mux, Signal, signed
from amaranth.lib.wiring import Component, In, Out

from rtl.data_register import data_register
from rtl.widths import position_bits, token_layout

if TYPE_CHECKING:
    from rtl.config import ArrayConfig

__all__ = ["GapCounter"]


class GapCounter(Component):
    """A running position that each step advances by its gap.

    Filters follow each other in one sequence of positions: reaching ``positions`` starts the next filter. The position
    reached is counted from the start of the next filter (it is negative), so that its sign after the next gap says
    whether that filter starts.

    Latency: one cycle. Throughput: one step a cycle.

    Members
    -------
    start, advance : In
    positions : In
        Of a filter in this row, at least 1.
    valid, gap, code : In
        A step: positions to pass, then one with a level of this code. A gap ends at most one filter.
    skips : In
        The step only passes its gap; its token has no level.
    ends_filter : In
        The next step starts the next filter, whatever this one's position. The gap is then ignored.
    ends_tile : In
        The pass's last step.
    token, token_valid : Out
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "advance": In(1),
                "positions": In(position_bits(config)),
                "valid": In(1),
                "gap": In(position_bits(config)),
                "code": In(config.weight_bits),
                "skips": In(1),
                "ends_filter": In(1),
                "ends_tile": In(1),
                "token": Out(token_layout(config)),
                "token_valid": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Advance the position, then the token register."""
        m = Module()
        beyond = Signal(signed(len(self.positions) + 1), init=-1, reset_less=True)
        wrapped, here = Signal.like(beyond), Signal.like(beyond)
        level, first, ends_tile = (data_register(m, self.token[name]) for name in ("level", "first", "ends_tile"))
        restart, passes, crosses = Signal(), Signal(), Signal()
        step = self.gap + ~self.skips
        m.d.comb += [
            wrapped.eq(beyond + self.gap + 1),
            passes.eq(restart | ~wrapped[-1]),
            crosses.eq(Mux(self.ends_filter, restart | beyond.all(), passes)),
            here.eq(beyond + self.positions),
        ]
        with m.If(self.advance & self.valid):
            m.d.sync += restart.eq(self.ends_filter | self.ends_tile)
            with m.If(~self.ends_filter):
                reached = beyond | restart.replicate(len(beyond))
                m.d.sync += beyond.eq(reached + step - Mux(passes, self.positions, 0))
        with m.If(self.start):
            m.d.sync += restart.eq(1)
        with m.If(self.advance):
            m.d.sync += [
                self.token_valid.eq(self.valid),
                level.code.eq(self.code),
                level.nonzero.eq(~self.skips),
                first.eq(crosses),
                ends_tile.eq(self.ends_tile),
            ]
        m.d.comb += self.token.position.eq(Mux(here[-1], 0, here))  # a filler may stop before a filter's first position
        return m
