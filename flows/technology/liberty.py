"""Reading Liberty: a lazy cell index, a small group parser, tables, and the measures a technology needs.

Only the cells asked for are parsed: a library has hundreds of them and megabytes of tables. The whole text is still
checked for balanced braces, so that a truncated file is told as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from compress.base.errors import CodesignError

__all__ = ["Group", "Library", "Table", "is_function", "parse_library"]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.|\\\n)*"|[{}():;,]|[^\s{}():;,"]+')
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CELL = re.compile(r'\bcell\s*\(\s*"?([^"()\s]+)"?\s*\)\s*\{')
_BRACE = re.compile(r'"(?:[^"\\]|\\.|\\\n)*"|[{}]')
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_FUNCTION = re.compile(r"[\w\s!&|*+^()']+")


@dataclass
class Group:
    """``kind (args) { attributes; groups }``; of an attribute ``name (values);`` the values are joined by commas."""

    kind: str
    args: tuple[str, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)

    def all(self, kind: str) -> Iterator[Group]:
        """Direct child groups of a kind."""
        return (group for group in self.groups if group.kind == kind)

    def first(self, kind: str) -> Group | None:
        """The first direct child of a kind, or None."""
        return next(self.all(kind), None)

    def number(self, name: str, default: float = 0.0) -> float:
        """A numeric attribute."""
        found = _NUMBER.search(self.attributes.get(name, ""))
        return float(found.group()) if found else default


class _Parser:
    """Recursive descent over the tokens of one group."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = [token.strip('"') if token[0] == '"' else token for token in _TOKEN.findall(text)]
        self.at = 0

    def take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else "}"

    def arguments(self) -> tuple[str, ...]:
        values: list[str] = []
        while (token := self.take()) != ")":
            if token not in (",", "("):
                values.append(token)
        return tuple(values)

    def body(self, group: Group) -> Group:
        while (token := self.take()) != "}":
            if token == ";":
                continue
            self.statement(group, token)
        return group

    def statement(self, group: Group, name: str) -> None:
        follow = self.take()
        if follow == ":":
            words = []
            while self.peek() not in (";", "}"):
                words.append(self.take())
            group.attributes[name] = " ".join(words)
        elif follow == "(":
            args = self.arguments()
            if self.peek() == "{":
                self.take()
                group.groups.append(self.body(Group(name, args)))
            else:
                group.attributes[name] = ", ".join(args)
        else:
            raise ValueError(f"unexpected {follow!r} after {name!r}")


def _parse_body(kind: str, args: tuple[str, ...], text: str) -> Group:
    return _Parser(text).body(Group(kind, args))


def _numbers(text: str) -> np.ndarray:
    return np.array([float(value) for value in _NUMBER.findall(text)])


@dataclass(frozen=True)
class Table:
    """A one- or two-dimensional lookup table over input slew and output load, linear between and beyond its points."""

    slews: np.ndarray
    loads: np.ndarray
    values: np.ndarray

    def at(self, slew: float, load: float) -> float:
        """Bilinear interpolation; the outermost slopes continue outside the table."""
        row = np.array([_linear(self.loads, values, load) for values in self.values])
        return _linear(self.slews, row, slew)


def _linear(points: np.ndarray, values: np.ndarray, x: float) -> float:
    if len(points) < 2:
        return float(values[0])
    left = int(np.clip(np.searchsorted(points, x) - 1, 0, len(points) - 2))
    slope = (values[left + 1] - values[left]) / (points[left + 1] - points[left])
    return float(values[left] + slope * (x - points[left]))


def is_function(expression: str, pins: tuple[str, ...], truth: tuple[int, ...]) -> bool:
    """Whether a Liberty function of exactly ``pins`` has this truth table; the first pin counts slowest."""
    if not _FUNCTION.fullmatch(expression) or set(re.findall(r"[A-Za-z_]\w*", expression)) != set(pins):
        return False
    text = re.sub(r"(\w+|\([^()]*\))\s*'", r"(!\1)", expression)
    text = re.sub(r"(?<=[\w)])\s+(?=[\w(!])", "&", text.strip())
    text = text.replace("!", "~").replace("*", "&").replace("+", "|")
    try:
        code = compile(text, "function", "eval")
        rows = [eval(code, {"__builtins__": {}}, dict(zip(pins, row, strict=True))) & 1 for row in _rows(len(pins))]
    except (SyntaxError, NameError, TypeError):
        return False
    return tuple(rows) == truth


def _rows(pins: int) -> Iterator[tuple[int, ...]]:
    return product((0, 1), repeat=pins)


@dataclass(frozen=True)
class Library:
    """A Liberty file: header attributes and templates, and the text of each cell.

    Members
    -------
    header : Group
        The library's attributes and lookup-table templates.
    cells : dict
        Cell name -> unparsed body.
    """

    header: Group
    cells: dict[str, str]

    def cell(self, name: str) -> Group:
        """Parse one cell."""
        return _parse_body("cell", (name,), self.cells[name] + "}")

    def combinational(self, truth: tuple[int, ...]) -> list[Group]:
        """Cells with one output of that truth table over all their inputs, smallest first."""
        inputs = len(truth).bit_length() - 1
        found = []
        for name, text in self.cells.items():
            functions = re.findall(r'\bfunction\s*:\s*"([^"]*)"', text)
            pins = tuple(sorted(set(re.findall(r"[A-Za-z_]\w*", functions[0])))) if len(functions) == 1 else ()
            if len(pins) == inputs and "dont_use" not in text and is_function(functions[0], pins, truth):
                found.append(self.cell(name))
        return sorted(found, key=lambda cell: cell.number("area"))

    def flip_flops(self) -> list[Group]:
        """Plain rising-edge D flip-flops without clear, preset, scan or enable, smallest first."""
        found = []
        for name, text in self.cells.items():
            if not re.search(r"\bff\s*\(", text):
                continue
            cell = self.cell(name)
            flop = cell.first("ff")
            if flop and _is_plain(flop.attributes):
                found.append(cell)
        return sorted(found, key=lambda cell: cell.number("area"))

    def table(self, group: Group) -> Table:
        """A cell_rise, rise_constraint, ... group as a table; scalar tables have one point."""
        template = next((t for t in self.header.all("lu_table_template") if t.args == group.args), Group("", ()))
        axes = [_numbers(group.attributes.get(f"index_{i}", template.attributes.get(f"index_{i}", ""))) for i in (1, 2)]
        values = _numbers(group.attributes["values"])
        swapped = "capacitance" in template.attributes.get("variable_1", "")
        first, second = (axis if len(axis) else np.zeros(1) for axis in axes)
        grid = values.reshape(len(first), len(second))
        return Table(second, first, grid.T) if swapped else Table(first, second, grid)


def _is_plain(flop: dict[str, str]) -> bool:
    simple = re.compile(r"\(?\s*\w+\s*\)?")
    plain = all(simple.fullmatch(flop.get(key, "?")) for key in ("next_state", "clocked_on"))
    return plain and not {"clear", "preset", "clocked_on_also"} & flop.keys()


def _end_of_group(text: str, start: int) -> int:
    """Index just after the brace that closes the group whose body starts at ``start``."""
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth == 0:
            return brace.end()
    raise ValueError("a group is never closed: the file is truncated")


def parse_library(text: str, name: str) -> Library:
    """Index a Liberty text; ``name`` is the file told in the CodesignError of a damaged one."""
    try:
        return _index(_COMMENT.sub(" ", text))
    except (ValueError, IndexError) as error:
        raise CodesignError(
            f"{name} is not a readable Liberty file: {error}", "give a complete .lib or .lib.gz"
        ) from None


def _index(text: str) -> Library:
    start = re.search(r"\blibrary\s*\([^)]*\)\s*\{", text)
    if not start:
        raise ValueError("it has no library group")
    end = _end_of_group(text, start.end())
    cells, header, at = {}, [], start.end()
    while (found := _CELL.search(text, at, end)) is not None:
        header.append(text[at : found.start()])
        at = _end_of_group(text, found.end())
        cells[found.group(1)] = text[found.end() : at - 1]
    header.append(text[at:end])
    if not cells:
        raise ValueError("it has no cells")
    return Library(_parse_body("library", (), "".join(header)), cells)
