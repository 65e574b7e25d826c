"""The registers themselves, decoded from the table."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Signal, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from rtl.axi.registers import ADDRESS_BITS, Access, Register

__all__ = ["RegisterFile", "register_layout"]


def register_layout(register: Register) -> data.FlexibleLayout:
    """A register's fields at their places, by their names in small letters."""
    places = {field.name.lower(): data.Field(unsigned(field.width), field.lowest) for field in register.fields}
    return data.FlexibleLayout(32, places)


class RegisterFile(Component):
    """Reads, writes and refusals for a table of registers; reading changes nothing.

    Members
    -------
    write_en, write_offset, write_data, write_strobe, write_fails, read_offset, read_data, read_fails :
        See ``rtl.axi.lite.LiteSlave``. Unknown offsets and writes to read-only registers fail. A field changes
        only where its bytes are strobed.
    <register> : In or Out
        Of each register but constants, by its name in small letters: In for what the bus only reads; Out for what it
        writes. A pulse is high in the cycle after its write.
    <register>_set : In
        Sets bits of a register that ones clear; setting wins over clearing.
    """

    def __init__(self, table: dict[str, Register]) -> None:
        self._table = table
        ports: dict[str, Any] = {
            "write_en": In(1),
            "write_offset": In(ADDRESS_BITS),
            "write_data": In(32),
            "write_strobe": In(4),
            "write_fails": Out(1),
            "read_offset": In(ADDRESS_BITS),
            "read_data": Out(32),
            "read_fails": Out(1),
        }
        for register in table.values():
            if register.access is not Access.CONSTANT:
                flow = In if register.access is Access.READ_ONLY else Out
                ports[register.name.lower()] = flow(register_layout(register), init=_initial(register))
            if register.access is Access.ONE_CLEARS:
                ports[f"{register.name.lower()}_set"] = In(register_layout(register))
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Elaboratable:
        """Reads, then what each register does with a write."""
        m = Module()
        mask = Signal(32)
        m.d.comb += mask.eq(Cat(strobe.replicate(8) for strobe in self.write_strobe))
        m.d.comb += self.write_fails.eq(1)
        self._choose(m)
        for register in self._table.values():
            if register.access.writable:
                written = Signal(name=f"writes_{register.name.lower()}")
                m.d.comb += written.eq(self.write_offset == register.offset)
                with m.If(written):
                    m.d.comb += self.write_fails.eq(0)
                self._write(m, register, written & self.write_en, mask)
        return m

    def _choose(self, m: Module) -> None:
        """The register that is read: one of each block of eight, then the block, for half the LUTs of one switch."""
        blocks: dict[int, list[Register]] = {}
        for register in self._table.values():
            blocks.setdefault(register.offset >> 5, []).append(register)
        answer = data.StructLayout({"data": 32, "fails": 1})
        chosen = {block: Signal(answer, name=f"block_{block}", init={"fails": 1}) for block in blocks}
        for block, registers in blocks.items():
            with m.Switch(self.read_offset[2:5]):
                for register in registers:
                    with m.Case(register.offset >> 2 & 0b111):
                        m.d.comb += [chosen[block].data.eq(self._read(register)), chosen[block].fails.eq(0)]
                with m.Default():  # said, since Verilator warns of a case that is not complete
                    m.d.comb += chosen[block].fails.eq(1)
        m.d.comb += self.read_fails.eq(1)
        for block, found in chosen.items():
            with m.If(self.read_offset[5:] == block):
                m.d.comb += [self.read_data.eq(found.data), self.read_fails.eq(found.fails)]

    def _read(self, register: Register) -> Any:
        if register.access is Access.CONSTANT:
            return register.value
        if register.access is Access.PULSE:
            return 0
        return self._bits(register) & _used(register)

    def _bits(self, register: Register, suffix: str = "") -> Any:
        return getattr(self, register.name.lower() + suffix).as_value()

    def _write(self, m: Module, register: Register, written: Any, mask: Signal) -> None:
        """Only bits of fields are registers; the others stay zero."""
        bits, used = self._bits(register), _used(register)
        ones = self.write_data & mask & used
        if register.access is Access.PULSE:
            m.d.sync += bits.eq(0)
            with m.If(written):
                m.d.sync += bits.eq(ones)
        elif register.access is Access.READ_WRITE:
            with m.If(written):
                m.d.sync += bits.eq((bits & ~mask & used) | ones)
        else:
            raised = self._bits(register, "_set") & used
            m.d.sync += bits.eq(bits | raised)
            with m.If(written):
                m.d.sync += bits.eq((bits & ~ones) | raised)


def _initial(register: Register) -> dict[str, int]:
    """Each field's value after reset."""
    return {field.name.lower(): field.value for field in register.fields}


def _used(register: Register) -> int:
    return sum(field.mask for field in register.fields)
