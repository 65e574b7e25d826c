"""The optional package ``onnx``, and what to do without it."""

from __future__ import annotations

from importlib.util import find_spec

from compress.base.errors import CodesignError

__all__ = ["need_onnx"]


def need_onnx() -> None:
    """CodesignError if ``onnx`` is not installed."""
    if find_spec("onnx") is None:
        raise CodesignError("ONNX files need the package onnx", "install it: pip install 'codesign[onnx]'")
