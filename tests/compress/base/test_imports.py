"""Imports of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from compress.base.imports import imports_in


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import a.b, c as d", {"a.b", "c"}),
        ("from a import b, c as d", {"a", "a.b", "a.c"}),
        ("from . import b", {"top.sub", "top.sub.b"}),
        ("from .a import b", {"top.sub.a", "top.sub.a.b"}),
        ("from .. import b", {"top", "top.b"}),
        ("from ..a import b", {"top.a", "top.a.b"}),
        ("from ... import b", set()),
        ("def f():\n    class C:\n        import a", {"a"}),
        ("try:\n    import a\nexcept ImportError:\n    import b", {"a", "b"}),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", {"b"}),
        ("if typing.TYPE_CHECKING:\n    import a", set()),
        ("if not TYPE_CHECKING:\n    import a", {"a"}),
        ("import_module('a.b')", {"a.b"}),
        ("importlib.import_module('.a', __package__)", {"top.sub.a"}),
        ("importlib.import_module(name)", set()),
        ("import_module()", set()),
        ("'import a'", set()),
        (" + ".join(["x"] * 500), set()),
    ],
)
def test_each_way_to_import_is_read(text: str, found: set[str], tmp_path: Path) -> None:
    path = tmp_path / "file.py"
    path.write_text(text)
    assert set(imports_in(path, "top.sub")) == found


def test_a_file_outside_any_package_has_no_relative_imports(tmp_path: Path) -> None:
    path = tmp_path / "file.py"
    path.write_text("from . import a\nimport b\n")
    assert set(imports_in(path, "")) == {"b"}


def test_what_is_no_python_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file.py"
    path.write_text("import")
    with pytest.raises(SyntaxError):
        list(imports_in(path, ""))
