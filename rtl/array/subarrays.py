"""Where the chain of rows can be cut, so that stacks of rows become arrays of their own, each for other pixels.

An array with ``config.subarrays`` S has as many stacks of rows. Stack s ends with tail s. A layer joins neighbouring
stacks to n subarrays of S / n stacks: 1, 2, 4 ... S. What the stacks are numbered modulo S / n is ``inner``.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from rtl.array.row import sums_layout
from rtl.config import ArrayConfig
from rtl.widths import address_bits, bias_layout, tail_bits

__all__ = ["BiasFork", "ChainLink", "TailSelect", "inner_mask", "is_cut"]


def inner_mask(config: ArrayConfig, last_subarray: Value) -> Value:
    """S / n - 1 for n subarrays, from the layer's register, which has n - 1: the inverted bits in reverse."""
    bits = address_bits(config.subarrays)
    return Cat(~last_subarray[bit] for bit in reversed(range(bits)))


def is_cut(stack: int, inner: Value) -> Value:
    """Whether stack number ``stack``, not the first one, begins a subarray."""
    return (inner & stack) == 0


class BiasFork(Component):
    """Give each bias to the first row of every subarray, which take it when they can.

    Members
    -------
    inner : In
        ``inner_mask``.
    biases : stream In
    heads : streams Out
        Of every stack; those that begin no subarray get none. Latency: none.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        bias = stream.Signature(bias_layout(config))
        super().__init__(
            {"inner": In(tail_bits(config)), "biases": In(bias), "heads": Out(bias).array(config.subarrays)}
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """A flip-flop for each head that has already taken what others still wait for."""
        m = Module()
        stacks = range(self._config.subarrays)
        served, taken, done = Signal(len(stacks)), Signal(len(stacks)), Signal(len(stacks))
        for stack in stacks:
            head = self.heads[stack]
            begins = is_cut(stack, self.inner) if stack else 1
            m.d.comb += [
                head.payload.eq(self.biases.payload),
                head.valid.eq(self.biases.valid & begins & ~served[stack]),
                taken[stack].eq(head.valid & head.ready),
                done[stack].eq(~begins | served[stack] | head.ready),
            ]
        m.d.comb += self.biases.ready.eq(done.all())
        with m.If(self.biases.valid):  # what waits between two layers is for the next one's heads
            m.d.sync += served.eq(Mux(self.biases.ready, 0, served | taken))
        return m


class ChainLink(Component):
    """Between two stacks: sums pass down, or with ``cut`` they are a tail's, and the stack below starts from a bias.

    Latency: none.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        sums = stream.Signature(sums_layout(config))
        bias = stream.Signature(bias_layout(config))
        super().__init__({"cut": In(1), "above": In(sums), "head": In(bias), "below": Out(sums), "tail": Out(sums)})

    def elaborate(self, platform: Any) -> Elaboratable:
        """A multiplexer a lane."""
        m = Module()
        m.d.comb += [
            self.below.valid.eq(Mux(self.cut, self.head.valid, self.above.valid)),
            self.head.ready.eq(self.cut & self.below.ready),
            self.above.ready.eq(Mux(self.cut, self.tail.ready, self.below.ready)),
            self.tail.valid.eq(self.cut & self.above.valid),
            self.tail.payload.eq(self.above.payload),
        ]
        for lane in range(self._config.lanes):
            m.d.comb += self.below.payload[lane].eq(Mux(self.cut, self.head.payload, self.above.payload[lane]))
        return m


class TailSelect(Component):
    """The sums of tail number ``tail``. Latency: none."""

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        sums = stream.Signature(sums_layout(config))
        super().__init__({"tail": In(tail_bits(config)), "tails": In(sums).array(config.subarrays), "sums": Out(sums)})

    def elaborate(self, platform: Any) -> Elaboratable:
        """A multiplexer over all sums."""
        m = Module()
        tails = self.tails
        choices = data.View(
            data.ArrayLayout(sums_layout(self._config), self._config.subarrays),
            Cat(each.payload.as_value() for each in tails),
        )
        m.d.comb += [
            self.sums.payload.eq(choices[self.tail]),
            self.sums.valid.eq(Cat(each.valid for each in tails).bit_select(self.tail, 1)),
        ]
        for number, each in enumerate(tails):
            m.d.comb += each.ready.eq(self.sums.ready & (self.tail == number))
        return m
