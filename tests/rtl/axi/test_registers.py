"""The register table: one place for each fact, and no two at one place."""

from __future__ import annotations

from itertools import combinations

import pytest

from rtl.axi.registers import ADDRESS_BITS, Access, Register, config_digest, register_table
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense

CONFIG = ArrayConfig(rows=64, lanes=256, requant_lanes=256, acc_bits=32)
TABLE = register_table(CONFIG)


def test_every_register_has_a_word_of_its_own() -> None:
    offsets = [register.offset for register in TABLE.values()]
    assert offsets == sorted(set(offsets))
    assert all(offset % 4 == 0 and offset < 1 << ADDRESS_BITS for offset in offsets)


@pytest.mark.parametrize("register", TABLE.values(), ids=lambda register: register.name)
def test_fields_do_not_overlap_and_hold_their_values(register: Register) -> None:
    for one, other in combinations(register.fields, 2):
        assert one.mask & other.mask == 0
        assert one.name != other.name
    for field in register.fields:
        assert field.mask < 1 << 32
        assert field.value << field.lowest & ~field.mask == 0


def test_events_and_their_enables_are_the_same_bits() -> None:
    status, enable = TABLE["IRQ_STATUS"], TABLE["IRQ_ENABLE"]
    assert [(f.name, f.mask) for f in status.fields] == [(f.name, f.mask) for f in enable.fields]


def test_constants_describe_the_array() -> None:
    values = {field.name: field.value for field in TABLE["SHAPE"].fields}
    assert values == {"ROWS": 64, "LANES": 256, "REQUANT_LANES": 256}
    letters = b"".join(TABLE[f"INDEX_NAME_{part}"].value.to_bytes(4, "little") for part in range(3))
    assert letters.rstrip(b"\0").decode() == str(CONFIG.index)
    assert {r.name for r in TABLE.values() if r.access is Access.CONSTANT} >= {"ID", "VERSION", "CONFIG_DIGEST"}


def test_the_digest_tells_arrays_apart() -> None:
    others = [CONFIG.replace(bias_depth=128), CONFIG.replace(index=Dense())]
    assert len({config_digest(config) for config in (CONFIG, *others)}) == 3
    assert config_digest(CONFIG) == config_digest(CONFIG.replace())
