"""The memory of every bank: one write port, one registered read port, never at the same word in one cycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, ClockSignal, Elaboratable, Instance, Module, Signal
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from compress.base.errors import CodesignError
from rtl.names import PLAIN, ModuleNames

__all__ = ["SRAM", "SeparateSRAMs", "sram_verilog"]

# Written out, where Amaranth would initialize each word: synthesis tools infer a block RAM from this form. The
# attributes say to Yosys, Vivado and Quartus, in this order, that they need not care for collisions.
_VERILOG = """\
module {name} (
  input clk,
  input write_en,
  input [{address_top}:0] write_address,
  input [{data_top}:0] write_data,
  input read_en,
  input [{address_top}:0] read_address,
  output reg [{data_top}:0] read_data
);
  (* no_rw_check, rw_addr_collision = "no", ramstyle = "no_rw_check" *)
  reg [{data_top}:0] words [0:{word_top}];
  always @(posedge clk) begin
    if (write_en) words[write_address] <= write_data;
    if (read_en) read_data <= words[read_address];
`ifndef SYNTHESIS
    if (write_en && read_en && write_address == read_address) begin
      $display("%m: word %0d is read in the cycle in which it is written", read_address);
      $finish;
    end
`endif
  end
endmodule
"""


def sram_verilog(depth: int, width: int, names: ModuleNames = PLAIN) -> str:
    """Behavioural Verilog of the module that ``SeparateSRAMs`` leaves out; a macro for it has the same ports."""
    return _VERILOG.format(
        name=names.sram(depth, width),
        address_top=(depth - 1).bit_length() - 1,
        data_top=width - 1,
        word_top=depth - 1,
    )


@dataclass(frozen=True)
class SeparateSRAMs:
    """Platform that emits every SRAM as an instance of ``sram_<depth>x<width>``, for macros or black boxes."""

    names: ModuleNames = PLAIN


class SRAM(Component):
    """Memory of ``depth`` words of ``width`` bits, or with two ``buffers`` of two halves of as many words.

    A read returns its word in the next cycle and holds it while ``read_en`` is low. The word that is written must not
    be read in the same cycle: memories differ in what they return. ``tests/formal/memories.py`` proves that none is.

    Members
    -------
    half : In
        Which half is read, where there are two; the other one is written. It is the lowest bit of the memory's address,
        so that a depth need not be a power of two.
    write_en, write_address, write_data : In
    read_en, read_address : In
    read_data : Out

    Attributes
    ----------
    write_word, read_word : Signal
        The memory's addresses.
    """

    def __init__(self, depth: int, width: int, buffers: int = 1) -> None:
        if depth < 2 or width < 1:
            raise CodesignError(
                f"an SRAM needs at least 2 words of 1 bit, not {depth} of {width}", "enlarge the array's depths"
            )
        self.depth, self.width, self._buffers = buffers * depth, width, buffers
        self.write_word, self.read_word = Signal(range(self.depth)), Signal(range(self.depth))
        address_bits = (depth - 1).bit_length()
        super().__init__(
            {
                "half": In(1),
                "write_en": In(1),
                "write_address": In(address_bits),
                "write_data": In(width),
                "read_en": In(1),
                "read_address": In(address_bits),
                "read_data": Out(width),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """A macro instance for ``SeparateSRAMs``, else an inferred memory."""
        m = Module()
        halves = (Cat(~self.half), Cat(self.half)) if self._buffers == 2 else (Cat(), Cat())
        m.d.comb += [
            self.write_word.eq(Cat(halves[0], self.write_address)),
            self.read_word.eq(Cat(halves[1], self.read_address)),
        ]
        if isinstance(platform, SeparateSRAMs):
            m.submodules.macro = self._macro(platform.names.sram(self.depth, self.width))
            return m
        m.submodules.memory = memory = Memory(
            shape=self.width, depth=self.depth, init=[], attrs={"no_rw_check": 1, "rw_addr_collision": "no"}
        )
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.en.eq(self.write_en),
            write.addr.eq(self.write_word),
            write.data.eq(self.write_data),
            read.en.eq(self.read_en),
            read.addr.eq(self.read_word),
            self.read_data.eq(read.data),
        ]
        return m

    def _macro(self, name: str) -> Instance:
        return Instance(
            name,
            i_clk=ClockSignal(),
            i_write_en=self.write_en,
            i_write_address=self.write_word,
            i_write_data=self.write_data,
            i_read_en=self.read_en,
            i_read_address=self.read_word,
            o_read_data=self.read_data,
        )
