"""The accelerator as block design tools expect it: one module, flat ports, AXI's names, clock, active-low reset."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Shape
from amaranth.lib.wiring import In, Out, Signature

from rtl.axi.ports import axi_lite, axi_stream
from rtl.axi.registers import ADDRESS_BITS
from rtl.axi.sender import result_bytes
from rtl.axi.shell import SeparateArray, Shell
from rtl.config import ArrayConfig
from rtl.names import ModuleNames
from rtl.verilog import emit

__all__ = ["accelerator_verilog", "interfaces"]


@dataclass(frozen=True)
class Interface:
    """An AXI interface of the top: its ports' prefix, the shell's member behind it, and whether the top sends."""

    prefix: str
    member: str
    kind: str
    signature: Signature
    sends: bool


def interfaces(config: ArrayConfig) -> tuple[Interface, ...]:
    """All AXI interfaces of the top."""
    return (
        Interface("s_axi", "registers", "aximm", axi_lite(ADDRESS_BITS), False),
        Interface("s_axis", "load", "axis", axi_stream(config.stream_bits), False),
        Interface("m_axis", "send", "axis", axi_stream(8 * result_bytes(config)), True),
    )


def accelerator_verilog(config: ArrayConfig, names: ModuleNames) -> str:
    """Verilog of the shell and of the flat module around it; ``pe_array`` is in a file of its own.

    Vivado's attributes (UG994) say which ports belong together, so that its block designer offers three interfaces
    instead of 27 wires; other tools ignore them.
    """
    return _wrapper(config, names) + "\n" + emit(Shell(config), names.shell, SeparateArray(names))


def _wrapper(config: ArrayConfig, names: ModuleNames) -> str:
    ports = [
        _port("aclk", True, 1, "signal:clock:1.0 aclk CLK", _CLOCK),
        _port("aresetn", True, 1, "signal:reset:1.0 aresetn RST", "POLARITY ACTIVE_LOW"),
        _port("irq", False, 1, "signal:interrupt:1.0 irq INTERRUPT", "SENSITIVITY LEVEL_HIGH"),
    ]
    wires = [".clk(aclk)", ".rst(~aresetn)", ".irq(irq)"]
    for interface in interfaces(config):
        for name, member in interface.signature.members.items():
            is_input = member.flow is (In if interface.sends else Out)
            info = f"interface:{interface.kind}:1.0 {interface.prefix} {name.upper()}"
            ports.append(_port(f"{interface.prefix}_{name}", is_input, Shape.cast(member.shape).width, info))
            wires.append(f".{interface.member}__{name}({interface.prefix}_{name})")
    return _TEXT.format(name=names.accelerator, shell=names.shell, ports=",\n".join(ports), wires=",\n    ".join(wires))


def _port(name: str, is_input: bool, width: int, info: str, parameter: str = "") -> str:
    attributes = f'X_INTERFACE_INFO = "xilinx.com:{info}"'
    if parameter:
        attributes += f', X_INTERFACE_PARAMETER = "{parameter}"'
    span = f"[{width - 1}:0] " if width > 1 else ""
    return f"  (* {attributes} *)\n  {'input' if is_input else 'output'} wire {span}{name}"


_CLOCK = "ASSOCIATED_BUSIF s_axi:s_axis:m_axis, ASSOCIATED_RESET aresetn"
_TEXT = """\
// AXI4-Lite registers (s_axi), loads (s_axis), results (m_axis), interrupt. aresetn is synchronous to aclk.
module {name} (
{ports}
);
  {shell} shell (
    {wires}
  );
endmodule
"""
