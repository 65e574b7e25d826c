"""Scale one accumulator to an activation: multiply, shift, round, saturate."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Cat, Const, Elaboratable, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib.wiring import Component, In, Out

from rtl.array.product import product_words
from rtl.array.scale import BYTES, scale_layout
from rtl.config import ArrayConfig

__all__ = ["REQUANTIZER_LATENCY", "Requantizer"]

REQUANTIZER_LATENCY = 3
"""Cycles from ``total`` to ``activation`` while ``advance`` is high."""

_VALUE_BITS = 10
_WINDOW_BITS = _VALUE_BITS + 7


class Requantizer(Component):
    """``saturate((total * multiplier + 2**(shift - 1)) >> shift)``, half rounded up.

    With ``relu`` the result is 0..2**act_bits - 1, without it two's complement of ``act_bits`` bits.

    A sum whose result saturates by far shows it before it is multiplied (``ScaleDecoder``). Of any other product only
    ten bits, where the shift says, and the carry of those below matter. So the product stays two words, of which 17
    bits are added, from the byte with the rounding bit on.

    Latency: ``REQUANTIZER_LATENCY``. Throughput: one a cycle. Nothing moves while ``advance`` is low.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "advance": In(1),
                "total": In(signed(config.acc_bits)),
                "scale": In(scale_layout(config)),
                "relu": In(1),
                "activation": Out(unsigned(config.act_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Three stages: two words of the product; the bits around the rounding bit; the result."""
        m = Module()
        sign = self.total[-1]
        outside = ((self.total[:-1] ^ sign.replicate(len(self.total) - 1)) & self.scale.outside).any()
        first, second = product_words(m, self._config, self.total, self.scale.factor)
        product = self._stage(m, "product", first=first, second=second, outside=outside, negative=sign)
        window, carry = self._window(product["first"], product["second"])
        flags = {name: product[name] for name in ("outside", "negative")}
        placed = self._stage(m, "placed", window=window, carry=carry, **flags)
        value, up = Signal(_VALUE_BITS - 1), Signal()
        m.d.comb += Cat(up, value).eq(Cat(*self._rounding(placed["window"], placed["carry"])))
        result = self._saturated(value, up, placed["outside"], placed["negative"])
        m.d.comb += self.activation.eq(self._stage(m, "result", value=result)["value"])
        return m

    def _stage(self, m: Module, stage: str, **values: Value) -> dict[str, Signal]:
        """Registers for ``values``. They have no reset: what they hold counts only once a sum came along."""
        registers = {
            name: Signal(value.shape(), name=f"{stage}_{name}", reset_less=True) for name, value in values.items()
        }
        with m.If(self.advance):
            m.d.sync += [register.eq(values[name]) for name, register in registers.items()]
        return registers

    def _window(self, first: Value, second: Value) -> tuple[Value, Value]:
        """The sum of two words from the byte with the rounding bit on, and what the bytes below carry into it."""
        words = [_extended(word, 8 * (BYTES - 1) + _WINDOW_BITS) for word in (first, second)]
        left, right = (_any(self._from_byte(word, byte) for byte in range(BYTES)) for word in words)
        return (left + right)[:_WINDOW_BITS], self._carry_into_window(*words)

    def _from_byte(self, word: Value, byte: int) -> Value:
        """The bits from ``byte`` on, if it has the rounding bit, else zeros."""
        return word[8 * byte :][:_WINDOW_BITS] & self.scale.byte[byte].replicate(_WINDOW_BITS)

    def _carry_into_window(self, first: Value, second: Value) -> Value:
        """Whether a byte below the window carries, and those between add up to all ones, so that it gets there."""
        carries, reaches = [], self.scale.byte[-1]
        for byte in reversed(range(BYTES - 1)):
            left, right = (word.word_select(byte, 8) for word in (first, second))
            carries.append((left + right)[8] & reaches)
            reaches = self.scale.byte[byte] | ((left ^ right).all() & reaches)
        return _any(carries)

    def _rounding(self, window: Value, carry: Value) -> tuple[Value, Value]:
        """Whether to round up, and the value's bits below its sign, without what comes after the point.

        A carry that gets as far as the rounding bit rounds up where that bit is 0; where it is 1, it does so anyway.
        """
        bit = self.scale.bit
        passes = (window[:7] | Cat(bit <= place for place in range(7))).all()
        for level in reversed(range(len(bit))):
            window = Mux(bit[level], window[1 << level :], window)[: _VALUE_BITS + (1 << level) - 1]
        return window[0] | (carry & passes), window[1:]

    def _saturated(self, value: Value, up: Value, outside: Value, negative: Value) -> Value:
        """Round up, and clip to 0 and the largest activation, or to two's complement.

        Saturation is decided before rounding: rounding overflows exactly when all bits are ones. All bits of ``value``
        are ones only where it is -1, or where a carry is still to make it 0.
        """
        bits = self._config.act_bits
        most = value[bits:].any() | Mux(self.relu, value[:bits].all(), value[bits - 1] | value[: bits - 1].all())
        too_high = ~negative & (outside | (most & ~value.all()))
        too_low = negative & (self.relu | outside | ~value[bits - 1 :].all())
        rounded = (value + up)[:bits]
        below = (rounded[:-1] | too_high.replicate(bits - 1)) & ~too_low.replicate(bits - 1)
        set_, cleared = Mux(self.relu, too_high, too_low), Mux(self.relu, too_low, too_high)
        return Cat(below, (rounded[-1] | set_) & ~cleared)


def _any(values: Iterable[Value]) -> Value:
    """Bit by bit."""
    return reduce(or_, values)


def _extended(word: Value, bits: int) -> Value:
    """The lowest ``bits`` of ``word``, with its sign above it."""
    above = word[-1] if word.shape().signed else Const(0, 1)
    return Cat(word, above.replicate(bits))[:bits]
