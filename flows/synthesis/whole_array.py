"""The whole array synthesized flat, SRAMs as black boxes: its logic, and its clock with the fan-out of every signal.

Much slower than ``flows.synthesis.area``, which counts each module once: 10 s for 8 lanes, minutes for 4 x 16.
"""

from __future__ import annotations

from dataclasses import dataclass

from flows.synthesis.area import measure
from flows.synthesis.yosys import TIMEOUT_S, synthesize
from flows.technology.technology import Technology
from rtl.array.pe_array import PEArray
from rtl.array.sram import SeparateSRAMs, sram_verilog
from rtl.config import ArrayConfig
from rtl.inventory import srams
from rtl.verilog import emit

__all__ = ["WholeArray", "synthesize_whole"]


@dataclass(frozen=True)
class WholeArray:
    """What synthesis of the whole array gives.

    Members
    -------
    logic_area : float
        Without SRAMs.
    flip_flops : int
    logic_period : float
        Shortest clock of the paths between registers, and from SRAM outputs as if they were registers.
    clock_period : float
        That, or the slowest path through an SRAM, whose access time is the model's.
    """

    logic_area: float
    flip_flops: int
    logic_period: float
    clock_period: float


def synthesize_whole(config: ArrayConfig, technology: Technology, timeout_s: float = TIMEOUT_S) -> WholeArray:
    """Synthesize ``PEArray(config)`` as one module."""
    sizes = sorted({(use.depth, use.width) for use in srams(config)})
    boxes = "".join(f"(* blackbox *) {_ports(*size)}; endmodule\n" for size in sizes)
    text = boxes + emit(PEArray(config), "array", SeparateSRAMs())
    result = synthesize(text, "array", technology, timeout_s=timeout_s)
    memories = (memory.period for memory in measure(config, technology).srams)
    return WholeArray(result.area, result.flip_flops, result.period, max(result.period, *memories))


def _ports(depth: int, width: int) -> str:
    """The module's head alone."""
    return sram_verilog(depth, width).partition(";")[0].replace("output reg", "output")
