"""The five packages' public names: what __init__.pyi says, what can be imported, and what docs/api.md tells."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("compress", "rtl", "sim", "flows", "codesign")
HEAVY = ("torch", "amaranth", "pyosys", "numpy", "matplotlib", "pydantic")


def stub(package: str) -> dict[str, str]:
    """Module of each name that the package's ``__init__.pyi`` exports."""
    tree = ast.parse((ROOT / package / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: f"{package}.{node.module}" for node in imports for alias in node.names}


NAMES = [(package, name) for package in PACKAGES for name in stub(package)]


def table(page: str) -> dict[str, list[str]]:
    """Names in the table of each package's section."""
    sections = re.split(r"^## (\w+): .*$", page, flags=re.MULTILINE)[1:]
    rows = [re.findall(r"^\| `(\w+)` \| \S", text, re.MULTILINE) for text in sections[1::2]]
    return dict(zip(sections[::2], rows, strict=True))


def described(module: str, name: str) -> bool:
    """Whether a name has a docstring of its own: under ``class``, ``def`` or the assignment."""
    body = ast.parse(inspect.getsource(importlib.import_module(module))).body
    for node, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return bool(ast.get_docstring(node))
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
    return False


@pytest.mark.parametrize(("package", "name"), NAMES, ids=[".".join(pair) for pair in NAMES])
def test_a_public_name_is_its_modules_and_has_a_docstring(package: str, name: str) -> None:
    module = stub(package)[name]
    found = getattr(importlib.import_module(package), name)
    assert found is getattr(importlib.import_module(module), name)
    assert name in importlib.import_module(module).__all__
    assert described(module, name)


def test_a_name_without_a_docstring_is_seen() -> None:
    assert not described("tests.test_public_names", "NAMES")


@pytest.mark.parametrize("package", PACKAGES)
def test_all_and_dir_are_the_stubs_names_once_each(package: str) -> None:
    tree = ast.parse((ROOT / package / "__init__.pyi").read_text(encoding="utf-8"))
    aliases = [alias for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert all(alias.asname == alias.name for alias in aliases)  # what makes a name public to a type checker
    module = importlib.import_module(package)
    assert sorted(alias.name for alias in aliases) == sorted(module.__all__) == sorted(dir(module))


def test_the_api_page_tells_every_public_name_and_no_other() -> None:
    told = table((ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
    assert {package: sorted(names) for package, names in told.items()} == {
        package: sorted(stub(package)) for package in PACKAGES
    }


def test_importing_the_packages_loads_nothing_heavy() -> None:
    code = f"import sys, {', '.join(PACKAGES)}; print(sorted(set(sys.modules) & set({HEAVY})))"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_a_function_stays_itself_beside_a_folder_or_module_of_its_name() -> None:
    modules, functions = "compress.train.epoch, rtl.generate", "train.__code__, generate.__code__"
    code = f"import {modules}; from compress import train; from rtl import generate; {functions}"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
