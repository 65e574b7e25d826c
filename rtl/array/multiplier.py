"""A lane's product: its level as digits that are decoded once for a row, and a word that is not yet all added up."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data

from rtl.array.booth import booth_digits, booth_multiple, booth_rows, named, two_words
from rtl.config import ArrayConfig
from rtl.widths import product_stage

__all__ = ["factor_layout", "factor_members", "plus_product", "product_register"]

_CARRY_PLACE, _LOCKSTEP_CARRY_PLACE = 9, 11
"""Where the sum of a product of three or more rows is cut: its upper part is finished by the accumulator's adder.

So that both sides of the product's register are about equally slow; in lock-step there is less behind the adder.
"""


def factor_layout(config: ArrayConfig) -> data.StructLayout:
    """A level as the lanes multiply by it: digits -2..2 in base 4, a shift, or a number; 0 where it is no weight."""
    if _shifts(config):
        return data.StructLayout({"shift": unsigned(config.weight_bits - 1), "nonzero": 1, "negative": 1})
    if _by_hardware(config):
        return data.StructLayout({"level": signed(config.weight_bits + 1)})
    digits = unsigned(_digits(config))
    return data.StructLayout({"one": digits, "two": digits, "negative": digits})


def factor_members(config: ArrayConfig, level: Any) -> dict[str, Value]:
    """The members of ``factor_layout`` for a level of ``rtl.widths.level_layout``.

    Linear levels skip zero: one that is not negative is its code plus one (003 section 3.4.2), the bit that is added
    below the lowest digit.
    """
    sign = level.code[-1]
    if _shifts(config):
        return {"shift": level.code[:-1], "nonzero": level.nonzero, "negative": sign & level.nonzero}
    if config.levels == "powers":
        two = level.code[0] if config.weight_bits == 2 else Const(0, 1)
        return {"one": level.nonzero & ~two, "two": level.nonzero & two, "negative": sign}
    if _by_hardware(config):
        number = level.code.as_signed() + ~sign
        return {"level": number & level.nonzero.replicate(len(number))}
    padding = sign.replicate(2 * _digits(config) - config.weight_bits)
    digits = booth_digits(Cat(~sign, level.code, padding))
    weighs = level.nonzero.replicate(_digits(config))
    return {"one": digits["one"] & weighs, "two": digits["two"] & weighs, "negative": digits["negative"]}


def product_layout(config: ArrayConfig) -> data.StructLayout:
    """A product: ``word`` plus ``carry`` at its place."""
    above = _longest_shift(config) + 1 if _shifts(config) else 2 * _digits(config) + (_carry_place(config) > 0)
    return data.StructLayout({"word": signed(config.act_bits + above), "carry": unsigned(1)})


def product_register(m: Module, config: ArrayConfig, activation: Value, factor: Any, advance: Value) -> Any:
    """The product, a cycle later where there is a ``product_stage``, else in the same cycle."""
    product = Signal(product_layout(config), reset_less=True)
    taken = [product[name].eq(value) for name, value in _product(m, config, activation, factor).items()]
    if not product_stage(config.weight_bits):
        m.d.comb += taken
        return product
    with m.If(advance):
        m.d.sync += taken
    return product


def _product(m: Module, config: ArrayConfig, activation: Value, factor: Any) -> dict[str, Value]:
    """The members of ``product_layout``.

    A shifted activation and a single digit's multiple lack the 1 that completes a two's complement. Two rows are added.
    Of more rows, the lower and the upper part of the sum are added apart, so that the carry between them need not be
    waited for; a bit more keeps the sign right without it. Inverting it takes away the 2^n that rows have too much.
    """
    if _by_hardware(config):
        return {"word": activation * factor.level, "carry": Const(0, 1)}
    number = Cat(activation, Const(0, 1))
    if _shifts(config):
        return {"word": _shifted(m, number, factor), "carry": factor.negative}
    if _digits(config) == 1:
        return {"word": booth_multiple(number, factor, 0).as_signed(), "carry": factor.negative[0]}
    bits, place = product_layout(config)["word"].shape.width, _carry_place(config)
    completes = Cat(Const(0, 2 * _digits(config) - 2), factor.negative[-1])
    rows = [row[:bits] for row in booth_rows(m, number, factor)]
    first, second = (named(m, word[:bits], f"word_{nth}") for nth, word in enumerate(two_words(m, [*rows, completes])))
    if place == 0:
        return {"word": (first + second)[:bits].as_signed(), "carry": Const(0, 1)}
    low = named(m, first[:place] + second[:place], "low")
    high = named(m, (first[place:] + second[place:])[: bits - place], "high")
    return {"word": Cat(low[:place], high[:-1], ~high[-1]).as_signed(), "carry": low[place]}


def _shifted(m: Module, number: Value, factor: Any) -> Value:
    """The signed ``number`` shifted, or its ones' complement, ones moving in; smallest step first."""
    negative = factor.negative
    word: Value = (number & factor.nonzero.replicate(len(number))) ^ negative.replicate(len(number))
    for stage in range(len(factor.shift)):
        step = 1 << stage
        moved = Mux(factor.shift[stage], Cat(negative.replicate(step), word), Cat(word, word[-1].replicate(step)))
        word = named(m, moved, f"shifted_by_{step}")
    return word.as_signed()


def plus_product(m: Module, config: ArrayConfig, total: Value, word: Value, carry: Value) -> Value:
    """``total`` plus a product of ``word`` and ``carry``, in one adder.

    Half adders from the carry's place on leave it a free place in the second word.
    """
    place = _carry_place(config)
    if place == 0:
        return total + word + carry
    left, right = (Signal(config.acc_bits, name=name) for name in ("left", "right"))
    m.d.comb += [left.eq(total), right.eq(word)]
    above, more = left[place:] ^ right[place:], left[place:] & right[place:]
    return Cat(left[:place], above) + Cat(right[:place], carry, more)


def _shifts(config: ArrayConfig) -> bool:
    """Whether lanes shift; powers of two of up to two bits are one digit."""
    return config.levels == "powers" and config.weight_bits > 2


def _longest_shift(config: ArrayConfig) -> int:
    return (1 << (config.weight_bits - 1)) - 1


def _digits(config: ArrayConfig) -> int:
    return 1 if config.levels == "powers" else -(-config.weight_bits // 2)


def _carry_place(config: ArrayConfig) -> int:
    if _digits(config) <= 2 or _by_hardware(config):
        return 0
    place = _LOCKSTEP_CARRY_PLACE if config.lockstep else _CARRY_PLACE
    return min(place, config.act_bits + 2 * _digits(config) - 2)


def _by_hardware(config: ArrayConfig) -> bool:
    """Whether a lane has a hardware multiplier: not for a single digit, whose product is a choice, or a shift."""
    return config.multipliers == "dsp" and config.levels == "linear" and _digits(config) > 1
