"""A strict parser of Liberty text: groups, simple attributes and complex attributes, whatever their names.

The forms that vendors write are all read: attributes ended by ``;``, by the line's end or by the group's end, values
with and without quotes, parentheses in unquoted values, comments, continued lines, ``define`` statements. Anything
else is one error that names the line, so a truncated or damaged file is never read in part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from compress.base.errors import CodesignError

__all__ = ["Group", "parse_liberty"]

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_BLANK = re.compile(r"(?:[\s\ufeff]|\\\r?\n|/\*.*?\*/|//[^\n]*)*", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][\w.\-]*")
_ARGUMENT = re.compile(rf'{_STRING}|[(),]|(?:[^\s(){{}},;"\\/]|/(?![*/]))+', re.DOTALL)
_VALUE = re.compile(
    rf'{_STRING}|\\\r?\n|/\*.*?\*/|//[^\n]*|\n|[ \t\r\f\v]+|[();}}]|[^\s(){{}};"\\/]+|/(?!\*)', re.DOTALL
)
_PLAIN_ATTRIBUTE = re.compile(r'\s*([A-Za-z_]\w*)\s*:[ \t]*(?:"([^"\\]*)"|([\w.+-]+))[ \t]*;')
_PLAIN_ARGUMENTS = re.compile(rf'((?:[^(){{}};"\\/]|{_STRING}|\\\r?\n)*+)\)', re.DOTALL)
_PLAIN_ARGUMENT = re.compile(rf'{_STRING}|[^\s,"\\]+', re.DOTALL)
_PROSE = ("comment", "date", "revision")
_CONTINUED = re.compile(r"\\\r?\n[ \t]*")


@dataclass
class Group:
    """``kind (args) { attributes; groups }``.

    Members
    -------
    kind : str
    args : tuple of str
        What stands in the parentheses, without quotes.
    attributes : dict
        Name -> values: one of ``name : value;``, all of ``name (a, b);``. The last of equal names counts.
    groups : list of Group
    """

    kind: str
    args: tuple[str, ...] = ()
    attributes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The first argument, or nothing."""
        return self.args[0] if self.args else ""

    def all(self, kind: str) -> Iterator[Group]:
        """Direct child groups of a kind."""
        return (group for group in self.groups if group.kind == kind)

    def first(self, kind: str) -> Group | None:
        """The first direct child of a kind, or None."""
        return next(self.all(kind), None)

    def text(self, name: str) -> str | None:
        """An attribute's value, several joined by commas; None where it is not given."""
        values = self.attributes.get(name)
        return None if values is None else ", ".join(values)


class _DamageError(Exception):
    """What is wrong and the offset where."""


class _Parser:
    """Recursive descent; ``at`` is the offset of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def library(self) -> Group:
        """The one group of the file."""
        self.blank()
        header = _NAME.match(self.text, self.at)
        if header is None or header.group() != "library":
            raise _DamageError("it does not begin with a library group", self.at)
        self.at = header.end()
        self.expect("(")
        group = Group("library", self.arguments())
        self.expect("{")
        self.body(group)
        while self.peek() == ";":
            self.at += 1
        if self.at < len(self.text):
            raise _DamageError("text after the end of the library group", self.at)
        return group

    def blank(self) -> None:
        """Skip white space, comments and continued lines."""
        found = _BLANK.match(self.text, self.at)
        assert found is not None  # it matches the empty string
        self.at = found.end()

    def peek(self) -> str:
        """The next character that is not blank; empty at the end of the text."""
        self.blank()
        return self.text[self.at : self.at + 1]

    def expect(self, character: str) -> None:
        """Take one character."""
        if (found := self.peek()) != character:
            raise _DamageError(f"{_shown(found)} where {character!r} is needed", self.at)
        self.at += 1

    def body(self, group: Group) -> None:
        """The statements up to the group's closing brace."""
        start = self.at
        while True:
            while plain := _PLAIN_ATTRIBUTE.match(self.text, self.at):  # most of a library: one match per statement
                name, quoted, word = plain.groups()
                group.attributes[name] = (word if quoted is None else quoted,)
                self.at = plain.end()
            found = self.peek()
            if found == "}":
                break
            if not found:
                raise _DamageError(f"the {group.kind} group that begins here is never closed", start)
            if found == ";":
                self.at += 1
            else:
                self.statement(group)
        self.at += 1

    def statement(self, group: Group) -> None:
        """One attribute or child group."""
        found = _NAME.match(self.text, self.at)
        if found is None:
            raise _DamageError(f"{_shown(self.peek())} where an attribute or a group is needed", self.at)
        name, self.at = found.group(), found.end()
        follow = self.peek()
        if follow == ":":
            self.at += 1
            group.attributes[name] = (self.value(name),)
            return
        if follow != "(":
            raise _DamageError(f"{_shown(follow)} after {name!r} where ':' or '(' is needed", self.at)
        self.at += 1
        args = self.arguments()
        if self.peek() == "{":
            self.at += 1
            child = Group(name, args)
            self.body(child)
            group.groups.append(child)
        else:
            group.attributes[name] = args

    def arguments(self) -> tuple[str, ...]:
        """The words and strings up to the closing parenthesis; inner parentheses group and say nothing."""
        plain = _PLAIN_ARGUMENTS.match(self.text, self.at)
        if plain is not None:
            self.at = plain.end()
            return tuple(map(_unquoted, _PLAIN_ARGUMENT.findall(plain.group(1))))
        start, depth, values = self.at, 1, list[str]()
        while depth:
            self.blank()
            found = _ARGUMENT.match(self.text, self.at)
            if found is None:
                raise _DamageError("a parenthesis that is never closed", start)
            token, self.at = found.group(), found.end()
            depth += {"(": 1, ")": -1}.get(token, 0)
            if token not in ("(", ")", ","):
                values.append(_unquoted(token))
        return tuple(values)

    def value(self, name: str) -> str:
        """The value of ``name : value``: one or more strings, or one or more words, in any parentheses."""
        self.blank()
        start = self.at
        tokens = list(self.value_tokens(name))
        if tokens.count("(") != tokens.count(")") or not any(token.strip() for token in tokens):
            raise _DamageError(f"{name!r} has no value or one with unequal parentheses", start)
        kinds = {token.startswith('"') for token in tokens if token not in ("(", ")", " ")}
        if name not in _PROSE and (len(kinds) > 1 or any(":" in (token[0], token[-1]) for token in tokens)):
            raise _DamageError(f"{name!r} has more than one value; is a ';' missing?", start)
        return "".join(map(_unquoted, tokens)).strip()

    def value_tokens(self, name: str) -> Iterator[str]:
        """Strings, words, parentheses and single blanks up to ``;``, the line's end or the group's end."""
        start, depth, last = self.at, 0, " "
        while found := _VALUE.match(self.text, self.at):
            token = found.group()
            if token in (";", "}") or (token == "\n" and depth <= 0):
                self.at += token == ";"
                return
            self.at = found.end()
            depth += {"(": 1, ")": -1}.get(token, 0)
            blank = token.isspace() or token.startswith(("\\", "/*", "//"))
            if not blank or last != " ":
                last = " " if blank else token
                yield last
        raise _DamageError(f"the value of {name!r} is never ended", start)


def _unquoted(token: str) -> str:
    if not token.startswith('"'):
        return token
    inner = token[1:-1]
    return _CONTINUED.sub("", inner).replace('\\"', '"') if "\\" in inner else inner


def _shown(character: str) -> str:
    return repr(character) if character else "the end of the file"


def parse_liberty(text: str, name: str) -> Group:
    """The library group of a Liberty text; the CodesignError of a damaged one calls it ``name``."""
    try:
        return _Parser(text).library()
    except _DamageError as damage:
        cause, at = damage.args
    except RecursionError:
        cause, at = "its groups are nested too deeply", 0
    line = text.count("\n", 0, at) + 1
    raise CodesignError(
        f"{name} is not a readable Liberty file: line {line}: {cause}", "give a complete .lib or .lib.gz"
    )
