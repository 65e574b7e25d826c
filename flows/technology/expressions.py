"""Boolean expressions as Liberty writes them, decided by their truth tables.

``!A``, ``A'``; ``A ^ B``; ``A & B``, ``A * B``, ``A B``; ``A | B``, ``A + B``: in this order of precedence (Liberty
Reference Manual, *function*), with any parentheses and the constants 0 and 1. ``str`` of an expression brackets every
operation, since tools differ in the precedence of ``^``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

__all__ = ["Expression", "assignments", "parse_expression"]

_TOKEN = re.compile(r"\s*([A-Za-z_][\w.]*(?:\[\d+\])?|[01](?!\w)|[!'^&*|+()])")
_MAX_DEPTH = 50


@dataclass(frozen=True)
class Expression:
    """A node: an operator over its operands, or a pin.

    Members
    -------
    operator : str
        "pin", "0", "1", "!" (one operand), "^", "&" or "|" (two or more).
    operands : tuple of Expression
    pin : str
        The pin's name, for the operator "pin".
    """

    operator: str
    operands: tuple[Expression, ...] = ()
    pin: str = ""

    @property
    def pins(self) -> tuple[str, ...]:
        """Names of all pins, sorted."""
        inner = {pin for operand in self.operands for pin in operand.pins}
        return tuple(sorted(inner | {self.pin} if self.operator == "pin" else inner))

    def at(self, values: Mapping[str, bool]) -> bool:
        """The value for the pins' values."""
        parts = (operand.at(values) for operand in self.operands)
        match self.operator:
            case "pin":
                return values[self.pin]
            case "!":
                return not next(parts)
            case "&":
                return all(parts)
            case "|":
                return any(parts)
            case "^":
                return sum(parts) % 2 == 1
            case constant:
                return constant == "1"

    def truth(self) -> tuple[bool, ...]:
        """Its value for every assignment of its pins."""
        return tuple(map(self.at, assignments(self.pins)))

    def __str__(self) -> str:
        match self.operator:
            case "pin":
                return self.pin
            case "!":
                return f"!{self.operands[0]}"
            case "&" | "|" | "^":
                return f"({f' {self.operator} '.join(map(str, self.operands))})"
            case constant:
                return constant


def assignments(pins: tuple[str, ...]) -> Iterator[dict[str, bool]]:
    """Every assignment of the pins, the first counting slowest."""
    return (dict(zip(pins, row, strict=True)) for row in product((False, True), repeat=len(pins)))


def parse_expression(text: str) -> Expression:
    """Parse ``text``; raises ValueError with the reason where it is not an expression."""
    parser = _Parser(text)
    expression = parser.disjunction(0)
    if parser.token:
        raise ValueError(f"unexpected {parser.token!r} in {text!r}")
    return expression


class _Parser:
    """One method per level of precedence; ``token`` is the next one, empty at the end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.token = next(self.tokens)

    def take(self) -> str:
        taken, self.token = self.token, next(self.tokens, "")
        return taken

    def disjunction(self, depth: int) -> Expression:
        parts = [self.conjunction(depth)]
        while self.token and self.token in "|+":
            self.take()
            parts.append(self.conjunction(depth))
        return _joined("|", parts)

    def conjunction(self, depth: int) -> Expression:
        """Factors with an operator or nothing between them."""
        parts = [self.parity(depth)]
        while self.token and self.token not in "|+)":
            if self.token in "&*":
                self.take()
            parts.append(self.parity(depth))
        return _joined("&", parts)

    def parity(self, depth: int) -> Expression:
        parts = [self.factor(depth)]
        while self.token == "^":
            self.take()
            parts.append(self.factor(depth))
        return _joined("^", parts)

    def factor(self, depth: int) -> Expression:
        """A pin, a constant or parentheses, with inversions before and behind."""
        if depth > _MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        token = self.take()
        if token == "!":
            return Expression("!", (self.factor(depth + 1),))
        if token == "(":
            found = self.disjunction(depth + 1)
            if self.take() != ")":
                raise ValueError(f"a parenthesis is not closed in {self.text!r}")
        elif token in ("0", "1"):
            found = Expression(token)
        elif token and token not in "'^&*|+)":
            found = Expression("pin", pin=token)
        else:
            raise ValueError(f"{self.text!r} is not a Boolean expression")
        inverted = False
        while self.token == "'":  # two cancel, so that many of them nest no deeper than one
            self.take()
            inverted = not inverted
        return Expression("!", (found,)) if inverted else found


def _joined(operator: str, parts: list[Expression]) -> Expression:
    return parts[0] if len(parts) == 1 else Expression(operator, tuple(parts))


def _tokens(text: str) -> Iterator[str]:
    at, text = 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"{text[at:].strip()[:1]!r} is not an operator, in {text!r}")
        yield found.group(1)
        at = found.end()
    yield ""
