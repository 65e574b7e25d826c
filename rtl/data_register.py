"""Registers without a reset, for data that counts only beside a flag that has one."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal

__all__ = ["data_register"]


def data_register(m: Module, port: Any) -> Any:
    """A register without a reset that drives an output port, with the port's shape and initial value."""
    register = Signal.like(port, name="held", reset_less=True)
    m.d.comb += port.eq(register)
    return register
