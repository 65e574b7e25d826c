"""Imports go one way, and an import that does not is seen."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("compress", "rtl", "sim", "flows", "codesign")
PLANTED = {
    "compress/base/errors.py": ("import rtl.config", "the five packages"),
    "flows/technology/sram.py": ("import codesign.errors", "the five packages"),
    "compress/train/epoch.py": ("import compress.admm.iteration", "compress"),
    "compress/storage/codes.py": ("from ..networks import layers", "compress"),
    "rtl/array/pe.py": ("import rtl.axi.top", "rtl"),
    "sim/golden/golden.py": ("import sim.mapping.pack", "sim"),
    "flows/technology/technology.py": ("def f():\n    import flows.synthesis.area", "flows"),
    "codesign/settings/data.py": ("import codesign.run", "codesign"),
    "sim/mapping/pack.py": ("from rtl import ArrayConfig", "no module imports a package's public names"),
}


def broken(tree: Path) -> set[str]:
    """Names of the contracts in pyproject.toml that the packages in ``tree`` break."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    options = ["--no-cache", str(ROOT / "pyproject.toml")]
    done = subprocess.run([*command, *options], cwd=tree, capture_output=True, text=True, check=False)
    names = set(re.findall(r"^(.*) BROKEN", done.stdout, re.MULTILINE))
    assert "Contracts: " in done.stdout, done.stdout + done.stderr
    assert done.returncode == bool(names)
    return names


def copy_packages(folder: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))


def test_imports_go_one_way() -> None:
    assert broken(ROOT) == set()


@pytest.mark.parametrize("path", PLANTED)
def test_an_import_that_does_not_is_seen(path: str, tmp_path: Path) -> None:
    copy_packages(tmp_path)
    line, contract = PLANTED[path]
    with (tmp_path / path).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    assert broken(tmp_path) == {contract}


def test_a_new_room_must_take_its_place(tmp_path: Path) -> None:
    copy_packages(tmp_path)
    (tmp_path / "compress" / "extra").mkdir()
    (tmp_path / "compress" / "extra" / "__init__.py").write_text("")
    assert broken(tmp_path) == {"compress"}
