"""Constraints to start from, for the tools of two FPGA families."""

from __future__ import annotations

from rtl.names import ModuleNames

__all__ = ["lpf", "xdc"]

_XDC = """\
# Vivado: clock and false paths of {accelerator}, synthesized as the top of a project.
# Inside a block design the clock comes from its source: leave this file out.

# 100 MHz. Change the period, in ns, to the clock you need.
create_clock -name aclk -period 10.000 [get_ports aclk]

# Of each period, 30 % is left to what is outside of the ports, on both sides.
set_input_delay  -clock aclk 3.000 [get_ports -filter {NAME =~ "s_axi*" && DIRECTION == IN}]
set_input_delay  -clock aclk 3.000 [get_ports m_axis_tready]
set_output_delay -clock aclk 3.000 [get_ports -filter {NAME =~ "s_axi*" && DIRECTION == OUT}]
set_output_delay -clock aclk 3.000 [get_ports {m_axis_tdata* m_axis_tlast m_axis_tvalid}]

# The interrupt is a level that a processor samples when it likes.
set_false_path -to [get_ports irq]

# Only if aresetn does not come from a synchronizer (proc_sys_reset is one): put one in front of it, and then
# set_false_path -from [get_ports aresetn]
"""

_LPF = """\
# Lattice (Diamond, nextpnr-ecp5): clock and false paths of {accelerator}, synthesized as the top of a project.
BLOCK ASYNCPATHS;

# Change it to the clock you need.
FREQUENCY PORT "aclk" 100 MHZ;

# The interrupt is a level that a processor samples when it likes.
BLOCK PATH TO PORT "irq";

# Pins, for example:
# LOCATE COMP "aclk" SITE "P3";
# IOBUF PORT "aclk" IO_TYPE=LVCMOS33;
"""


def xdc(names: ModuleNames) -> str:
    """Constraints for Vivado, close to SDC."""
    return _XDC.replace("{accelerator}", names.accelerator)


def lpf(names: ModuleNames) -> str:
    """Constraints for Lattice's Diamond and nextpnr."""
    return _LPF.replace("{accelerator}", names.accelerator)
