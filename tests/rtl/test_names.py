"""Prefixes of module names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from rtl.names import ACCELERATOR, TOP, ModuleNames


def test_without_a_prefix_names_are_plain() -> None:
    names = ModuleNames()
    assert (names.array, names.accelerator, names.sram(8, 3)) == (TOP, ACCELERATOR, "sram_8x3")


@given(st.from_regex(r"[a-z][a-z0-9_]{0,9}x9", fullmatch=True))
def test_a_prefix_stands_before_every_name(prefix: str) -> None:
    names = ModuleNames(prefix)
    made = {names.array, names.accelerator, names.shell, names.sram(8, 3)}
    assert len(made) == 4
    assert all(name.startswith(f"{prefix}_") for name in made)


@pytest.mark.parametrize(
    "prefix", ["7a", "_a", "a-b", "a b", "a$", "A", "é", "a\n", "a" * 41, "module", "reg", "logic", "endmodule"]
)
def test_what_is_no_name_is_refused(prefix: str) -> None:
    with pytest.raises(CodesignError, match="prefix"):
        ModuleNames(prefix)
