"""What the tests of Liberty share: a small library as text and as groups, and cells put into it."""

from __future__ import annotations

import re

from flows.technology.cells import UsableCells, usable_cells
from flows.technology.generic_library import generic_liberty
from flows.technology.liberty import Group, parse_liberty

SMALL_CELLS = ("INV_X1", "NAND2_X1", "XOR2_X1", "MUX2_X1", "DFF_X1", "DFFR_X1")


def small_library() -> Group:
    """Some cells of the generic library."""
    library = parse_liberty(generic_liberty(), "generic")
    library.groups = [group for group in library.groups if group.kind != "cell" or group.name in SMALL_CELLS]
    return library


def rendered(group: Group, indent: str = "") -> str:
    """A group as plain Liberty text, one statement a line."""
    inner = indent + "  "
    simple = "".join(f'{inner}{name} ("{_joined(values)}");\n' for name, values in group.attributes.items())
    children = "".join(rendered(child, inner) for child in group.groups)
    return f"{indent}{group.kind} ({', '.join(group.args)}) {{\n{simple}{children}{indent}}}\n"


def _joined(values: tuple[str, ...]) -> str:
    return '", "'.join(values)


SMALL_TEXT = rendered(small_library())


def cell_text(name: str, text: str | None = None) -> str:
    """The text of one cell of the generic library."""
    found = re.search(rf"  cell \({name}\) \{{.*?\n  \}}\n", text or generic_liberty(), re.DOTALL)
    assert found is not None
    return found.group()


def with_cells(*cells: str) -> str:
    """The generic library with more cells at its end."""
    return generic_liberty().rstrip().removesuffix("}") + "".join(cells) + "}\n"


def edited(cell: str, pattern: str, replacement: str) -> str:
    """The generic library with one cell changed; the pattern has to be there."""
    before = cell_text(cell)
    after = re.sub(pattern, replacement, before, flags=re.DOTALL)
    assert after != before
    return generic_liberty().replace(before, after)


def judged(text: str) -> UsableCells:
    """The cells of a Liberty text."""
    return usable_cells(parse_liberty(text, "test.lib"))


def reason(text: str, cell: str) -> str:
    """Why a cell is refused; empty if it is not."""
    return next((refused.reason for refused in judged(text).refused if refused.name == cell), "")
