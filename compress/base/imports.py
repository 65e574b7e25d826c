"""What a file of Python imports, read from its text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import resolve_name
from pathlib import Path

__all__ = ["imports_in"]


def imports_in(path: Path, package: str) -> Iterator[str]:
    """Absolute names of the modules that a file imports when it runs, and of members that may be modules.

    Imports within functions count, and calls of ``import_module`` with a name as it stands; those for type checkers
    alone do not.

    Parameters
    ----------
    package : str
        What relative imports start from; empty outside any package.

    Raises
    ------
    SyntaxError, OSError
        The file is not Python or cannot be read.
    """
    for node in _run_time_nodes(ast.parse(path.read_bytes(), path)):
        for name in _names(node):
            with suppress(ImportError):  # a relative import beyond the outermost package
                yield resolve_name(name, package)


def _names(node: ast.AST) -> Iterator[str]:
    """What a statement or a call imports, as it is written: a relative name begins with dots."""
    match node:
        case ast.Import(names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(name, names, level):
            base = "." * level + (name or "")
            yield base
            yield from (f"{base}.{alias.name}" if name else f"{base}{alias.name}" for alias in names)
        case ast.Call(ast.Name("import_module") | ast.Attribute(attr="import_module"), [ast.Constant(str(name)), *_]):
            yield name


def _run_time_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only type checkers read."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)
