"""The register table as a document, a C header and Python constants."""

from __future__ import annotations

from collections.abc import Iterator

from rtl.array.write_bus import LayerRegister, Space
from rtl.axi.packets import ADDRESS_FIELD, ROW_FIELD, header_beats, word_bits
from rtl.axi.registers import Access, Field, Register
from rtl.axi.sender import result_bytes
from rtl.config import ArrayConfig
from rtl.names import PLAIN, ModuleNames

__all__ = ["c_header", "python_constants", "register_map", "register_rows"]


def register_map(table: dict[str, Register], config: ArrayConfig, names: ModuleNames = PLAIN) -> str:
    """Markdown: every register and field, with the values that this array's constants have."""
    kinds = "\n".join(f"| {access.value} | {access.meaning} |" for access in Access)
    return (
        f"# Registers of {names.accelerator}, {config.rows} x {config.lanes} PEs, {config.index}\n\n"
        "32 bits each, at byte offsets on the AXI4-Lite port. Any other offset is answered SLVERR. A field changes\n"
        "only where its bytes are strobed. Counters wrap at 2^32.\n\n"
        f"| access | means |\n|---|---|\n{kinds}\n\n{register_rows(table, with_values=True)}"
    )


def register_rows(table: dict[str, Register], with_values: bool) -> str:
    """The Markdown table of registers and their fields."""
    head = "| offset | register | access | bits | field | meaning |" + (" reads |" if with_values else "")
    lines = [head, "|" + "---|" * (head.count("|") - 1)]
    for register in table.values():
        constant = register.access is Access.CONSTANT
        whole = len(register.fields) == 1
        if not whole:
            start = (
                f"| 0x{register.offset:03x} | {register.name} | {register.access.value} | | | {register.description} |"
            )
            lines.append(start + (f" 0x{register.value:08x} |" if constant and with_values else _blank(with_values)))
        for field in register.fields:
            place = f"0x{register.offset:03x} | {register.name} | {register.access.value}" if whole else " | | "
            name = "" if whole else field.name
            value = f" {field.value:#x} |" if constant and with_values else _blank(with_values)
            lines.append(f"| {place} | {_bits(field)} | {name} | {field.description} |{value}")
    return "\n".join(lines) + "\n"


def _blank(with_values: bool) -> str:
    return " |" if with_values else ""


def _bits(field: Field) -> str:
    top = field.lowest + field.width - 1
    return str(top) if field.width == 1 else f"{top}:{field.lowest}"


def c_header(table: dict[str, Register], config: ArrayConfig, names: ModuleNames = PLAIN) -> str:
    """C99 or C++: offsets, masks and shifts, the array's constants, and the headers of load packets."""
    prefix = names.of("codesign")
    sections = "\n\n".join(
        f"/* {title} */\n" + "\n".join(f"#define {prefix.upper()}_{name} 0x{value:x}u" for name, value in constants)
        for title, constants in _sections(table, config)
    )
    return _HEADER.format(
        accelerator=names.accelerator,
        prefix=prefix,
        guard=prefix.upper(),
        sections=sections,
        address_field=ADDRESS_FIELD,
        row_field=ROW_FIELD,
    )


def python_constants(table: dict[str, Register], config: ArrayConfig, names: ModuleNames = PLAIN) -> str:
    """The same constants for a bench or a driver in Python."""
    sections = "\n\n".join(
        f"# {title}\n" + "\n".join(f"{name} = 0x{value:x}" for name, value in constants)
        for title, constants in _sections(table, config)
    )
    title = f"Registers of {names.accelerator} and constants of this array; written by `codesign generate`."
    return f'"""{title}"""\n\n{sections}\n'


def _sections(table: dict[str, Register], config: ArrayConfig) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Titles, each with its constants: one list for both languages."""
    for register in table.values():
        constants = [(f"{register.name}_OFFSET", register.offset)]
        for field in register.fields:
            name = register.name if len(register.fields) == 1 else f"{register.name}_{field.name}"
            constants += [(f"{name}_MASK", field.mask), (f"{name}_SHIFT", field.lowest)]
        if register.access is Access.CONSTANT:
            constants.append((f"{register.name}_EXPECTED", register.value))
        yield f"{register.description}; {register.access.value}", constants
    yield "What a load goes to", [(f"SPACE_{space.name}", space.value) for space in Space]
    yield "Addresses in SPACE_LAYER", [(f"LAYER_{register.name}", register.value) for register in LayerRegister]
    yield (
        "Bits of the load stream that one word takes",
        [(f"WORD_BITS_{space.name}", word_bits(config, space)) for space in Space],
    )
    yield (
        "Of this array",
        [
            ("ROWS", config.rows),
            ("LANES", config.lanes),
            ("ACT_BITS", config.act_bits),
            ("REQUANT_LANES", config.requant_lanes),
            ("RESULT_BYTES", result_bytes(config)),
            ("STREAM_BITS", config.stream_bits),
            ("HEADER_BEATS", header_beats(config)),
        ],
    )


_HEADER = """\
/* Registers of {accelerator} and constants of this array; written by `codesign generate`. C99 or C++. */
#ifndef {guard}_REGS_H
#define {guard}_REGS_H

#include <stdint.h>

{sections}

/* The first 64 bits, low half first, of a segment of `words` words for neighbouring addresses of one bank; words is at
   least 1. The segment's words begin with the next beat, {guard}_HEADER_BEATS beats on. */
static inline void {prefix}_header(uint32_t header[2], uint32_t space, uint32_t row, uint32_t address, uint32_t words)
{{
    header[0] = (space << {address_field}) | address;
    header[1] = (row << {row_field}) | (words - 1u);
}}

/* Beats of such a segment, header included, whose words have `word_bits` bits: {guard}_WORD_BITS_... */
static inline uint32_t {prefix}_segment_beats(uint32_t word_bits, uint32_t words)
{{
    return {guard}_HEADER_BEATS
        + (uint32_t)(((uint64_t)word_bits * words + {guard}_STREAM_BITS - 1u) / {guard}_STREAM_BITS);
}}

#endif
"""
