"""Amaranth component -> Verilog or RTLIL; equal components give equal text."""

from __future__ import annotations

from typing import Any

from amaranth.back import rtlil, verilog
from amaranth.lib.wiring import Component

__all__ = ["emit", "emit_rtlil"]


def emit(component: Component, name: str, platform: Any = None) -> str:
    """Verilog of ``component`` as module ``name``."""
    text: str = verilog.convert(component, name=name, platform=platform, emit_src=False, strip_internal_attrs=True)
    return text


def emit_rtlil(component: Component, name: str, platform: Any = None) -> str:
    """RTLIL of ``component`` as module ``name``: what Yosys reads without a Verilog front end."""
    text: str = rtlil.convert(component, name=name, platform=platform, emit_src=False)
    return text
