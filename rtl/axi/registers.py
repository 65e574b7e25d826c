"""The register table: each register declared once. Decode, document, C header and Python constants come from it."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from enum import Enum

from rtl.config import ArrayConfig

__all__ = ["ADDRESS_BITS", "VERSION", "Access", "Field", "Register", "config_digest", "register_table"]

ADDRESS_BITS = 12
"""Byte address bits of the register port: 4 KiB, the smallest range an AXI interconnect gives a slave."""

VERSION = (4, 0)
"""Of the register table: the first number changes when an old driver no longer works."""

ID = 0x43445347  # "CDSG"


class Access(Enum):
    """What the bus may do with a register, and what the hardware does with it."""

    CONSTANT = "RO"
    READ_ONLY = "R"
    READ_WRITE = "RW"
    ONE_CLEARS = "W1C"
    PULSE = "W"

    @property
    def writable(self) -> bool:
        """Whether a write is answered OKAY."""
        return self in (Access.READ_WRITE, Access.ONE_CLEARS, Access.PULSE)

    @property
    def meaning(self) -> str:
        """One sentence for the register map."""
        return {
            Access.CONSTANT: "a constant of this array; a write is answered SLVERR",
            Access.READ_ONLY: "read only; a write is answered SLVERR",
            Access.READ_WRITE: "read and write",
            Access.ONE_CLEARS: "set by the hardware, cleared by writing one",
            Access.PULSE: "acts once for each write of one; reads as zero",
        }[self]


@dataclass(frozen=True)
class Field:
    """Bits ``lowest`` to ``lowest + width - 1`` of a register; ``value`` is a constant's, or what reset gives."""

    name: str
    lowest: int
    width: int
    description: str
    value: int = 0

    @property
    def mask(self) -> int:
        """Ones at the field's place."""
        return ((1 << self.width) - 1) << self.lowest


@dataclass(frozen=True)
class Register:
    """32 bits at byte address ``offset``; bits of no field read as zero and ignore writes."""

    name: str
    offset: int
    access: Access
    description: str
    fields: tuple[Field, ...]

    @property
    def value(self) -> int:
        """What a constant register reads as, any other after reset."""
        return sum(field.value << field.lowest for field in self.fields)

    def field(self, name: str) -> Field:
        """The field of that name."""
        return next(field for field in self.fields if field.name == name)


def register_table(config: ArrayConfig) -> dict[str, Register]:
    """All registers of the accelerator of ``config``, by name, in the order of their offsets."""
    return {register.name: register for register in (*_identity(), *_control(), *_counters(), *_shape(config))}


def config_digest(config: ArrayConfig) -> int:
    """CRC-32 of the configuration: whether a driver's constants and the hardware belong together."""
    return zlib.crc32(json.dumps(config.to_dict(), sort_keys=True).encode())


def _whole(name: str, offset: int, access: Access, description: str, value: int = 0) -> Register:
    """A register of one 32-bit field."""
    return Register(name, offset, access, description, (Field("VALUE", 0, 32, description, value),))


def _identity() -> tuple[Register, ...]:
    major, minor = VERSION
    return (
        _whole("ID", 0x000, Access.CONSTANT, 'The letters "CDSG", the first one highest', ID),
        Register(
            "VERSION",
            0x004,
            Access.CONSTANT,
            "Version of this register map",
            (
                Field("MINOR", 0, 16, "Counts additions", minor),
                Field("MAJOR", 16, 16, "Counts changes that old drivers do not survive", major),
            ),
        ),
    )


_EVENTS = {
    "DONE": "The last result of a layer was taken",
    "LOADED": "The last beat of a load packet was taken, and every word of it was written",
    "LOAD_ERROR": "A load packet was wrong and was dropped from there to its end",
    "START_REFUSED": "START did nothing, since it may not run a layer now",
    "NOT_LOADED": "START did nothing, since not all of a layer was loaded",
    "TIMEOUT": "A layer took more cycles than WATCHDOG allows and was stopped as by SOFT_RESET",
}
"""Events by name, at bits 0 and up of IRQ_STATUS and IRQ_ENABLE."""


def _control() -> tuple[Register, ...]:
    return _commands(), _status(), _irq_status(), _irq_enable(), _watchdog()


def _commands() -> Register:
    return Register(
        "CONTROL",
        0x008,
        Access.PULSE,
        "Commands; SOFT_RESET wins over START",
        (
            Field("START", 0, 1, "Run the loaded layer"),
            Field("SOFT_RESET", 1, 1, "Stop at once; the next layer must be loaded as a whole"),
            Field("CLEAR_COUNTERS", 2, 1, "Set the counters since CLEAR_COUNTERS to zero"),
        ),
    )


def _status() -> Register:
    return Register(
        "STATUS",
        0x00C,
        Access.READ_ONLY,
        "What the accelerator is doing",
        (
            Field("BUSY", 0, 1, "A layer runs, or results of it were not taken yet"),
            Field("LOADING", 1, 1, "Inside a load packet, or words of it are still to be written"),
            Field("DISCARDING", 2, 1, "Dropping the rest of a load packet, after an error or SOFT_RESET"),
            Field("ABORTING", 3, 1, "After SOFT_RESET, a beat with TLAST that ends the results is still to come"),
            Field("QUEUED", 4, 1, "A layer was started and waits for the one that runs"),
        ),
    )


def _irq_status() -> Register:
    return Register(
        "IRQ_STATUS",
        0x010,
        Access.ONE_CLEARS,
        "Events; irq is high while one of them is set and enabled",
        tuple(Field(name, bit, 1, text) for bit, (name, text) in enumerate(_EVENTS.items())),
    )


def _irq_enable() -> Register:
    return Register(
        "IRQ_ENABLE",
        0x014,
        Access.READ_WRITE,
        "Events that raise irq, at the bits of IRQ_STATUS",
        tuple(Field(name, bit, 1, f"Raise irq on {name}") for bit, name in enumerate(_EVENTS)),
    )


def _watchdog() -> Register:
    text = "Logarithm to base 2 of the cycles that a layer may take; 31 after reset"
    fields = (Field("LOG2_CYCLES", 0, 5, text, 31),)
    return Register("WATCHDOG", 0x018, Access.READ_WRITE, "When a layer is stopped", fields)


def _counters() -> tuple[Register, ...]:
    texts = {
        "CYCLES": "Cycles in which the array was busy with the latest layer, from START to its last result",
        "RESULT_WAIT": "Those of CYCLES in which the array offered a result and there was no room for it",
        "RESULT_BEATS": "Beats taken of the latest packet of results",
        "LOAD_BEATS": "Beats of loads taken since CLEAR_COUNTERS",
        "LOAD_WAIT": "Cycles since CLEAR_COUNTERS inside a load packet in which no beat was offered",
        "LOAD_BLOCKED": "Cycles since CLEAR_COUNTERS in which a beat was offered and not taken",
        "TOTAL_CYCLES": "Cycles from the first beat of loads after CLEAR_COUNTERS to the latest last beat of results",
        "BUSY_CYCLES": "Cycles since CLEAR_COUNTERS in which the array was busy",
    }
    return tuple(
        _whole(name, 0x020 + 4 * place, Access.READ_ONLY, text) for place, (name, text) in enumerate(texts.items())
    )


def _shape(config: ArrayConfig) -> tuple[Register, ...]:
    name = str(config.index).encode()[:12].ljust(12, b"\0")
    values = (
        ("WEIGHT_DEPTH", "Words of a row's weight bank", config.weight_depth),
        ("ACTIVATION_DEPTH", "Words of a row's activation bank", config.activation_depth),
        ("TABLE_DEPTH", "Words of a row's address table", config.table_depth),
        ("BIAS_DEPTH", "Words of the bias bank", config.bias_depth),
        ("INDEX_NAME_0", "The index format's name in ASCII, first letter lowest", int.from_bytes(name[:4], "little")),
        ("INDEX_NAME_1", "Letters five to eight, zero where there is none", int.from_bytes(name[4:8], "little")),
        ("INDEX_NAME_2", "Letters nine to twelve, zero where there is none", int.from_bytes(name[8:], "little")),
        ("CONFIG_DIGEST", "CRC-32 of the array's description", config_digest(config)),
    )
    constants = (
        _whole(name, 0x048 + 4 * place, Access.CONSTANT, text, value)
        for place, (name, text, value) in enumerate(values)
    )
    runs = _whole("RUNS", 0x06C, Access.READ_ONLY, "Layers since CLEAR_COUNTERS whose last result was taken")
    return _size(config), _widths(config), *constants, _streams(config), runs


def _size(config: ArrayConfig) -> Register:
    return Register(
        "SHAPE",
        0x040,
        Access.CONSTANT,
        "Size of the array",
        (
            Field("ROWS", 0, 8, "Rows", config.rows),
            Field("LANES", 8, 12, "Lanes: output pixels at a time", config.lanes),
            Field("REQUANT_LANES", 20, 12, "Activations in a beat of results", config.requant_lanes),
        ),
    )


def _widths(config: ArrayConfig) -> Register:
    return Register(
        "WIDTHS",
        0x044,
        Access.CONSTANT,
        "Bits of numbers",
        (
            Field("WEIGHT_BITS", 0, 8, "Bits of a weight code", config.weight_bits),
            Field("ACT_BITS", 8, 8, "Bits of an activation", config.act_bits),
            Field("ACC_BITS", 16, 8, "Bits of an accumulator", config.acc_bits),
            Field("WORD_BITS", 24, 8, "Bits of a weight bank word", config.word_bits),
        ),
    )


def _streams(config: ArrayConfig) -> Register:
    return Register(
        "STREAMS",
        0x068,
        Access.CONSTANT,
        "How loads come in",
        (
            Field("STREAM_BITS", 0, 16, "Bits of a beat of loads", config.stream_bits),
            Field("BUFFERS", 16, 8, "2: loads are accepted while a layer runs; 1: they wait", config.buffers),
        ),
    )
