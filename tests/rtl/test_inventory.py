"""The bill of materials against the emitted design."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from rtl.array.pe_array import PEArray
from rtl.array.sram import SeparateSRAMs
from rtl.config import ArrayConfig
from rtl.formats.bitmap import Bitmap
from rtl.formats.decompress import Decompress
from rtl.formats.dense import Dense
from rtl.formats.dense_zeros import DenseZeros
from rtl.formats.fixed import Fixed
from rtl.formats.nm import NM
from rtl.formats.rice import Rice
from rtl.inventory import logic_modules, srams
from rtl.verilog import emit, emit_rtlil

CONFIGS = [
    ArrayConfig(rows=3, lanes=4, index=Fixed(3), requant_lanes=2),
    ArrayConfig(rows=8, lanes=4, index=Fixed(4), chain_depth=2, subarrays=4),
    ArrayConfig(rows=2, lanes=6, weight_bits=4, index=Dense(), table_depth=9),
    ArrayConfig(rows=3, lanes=4, index=Dense(), requant_lanes=2, chain_depth=0),
    ArrayConfig(rows=1, lanes=2, index=DenseZeros(), chain_depth=0),
    ArrayConfig(rows=2, lanes=4, index=Fixed(2), buffers=2, table_depth=9),
    *(ArrayConfig(rows=2, lanes=2, index=index) for index in (Bitmap(5), Rice(3), NM(2, 4), Decompress())),
]
# Name of an instance in the design, without its number, to the name of its component in the inventory.
COMPONENTS = {"control": "row_control", "select": "group_select", "link": "chain_link"}
TOP_COMPONENTS = {
    "array.control": "array_control",
    "array.drain.control": "drain_control",
    "array.rows.control": "lockstep_control",
}
LOCKSTEP_COMPONENTS = {"control": "lockstep_row_control", "pe": "lockstep_pe"}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: str(config.index))
def test_every_block_of_the_design_is_counted(config: ArrayConfig) -> None:
    text = emit(PEArray(config), "array", SeparateSRAMs())
    modules = [name.removeprefix("\\") for name in re.findall(r"^module (\S+?)\s?\(", text, re.M)]
    path = "array.rows" if config.lockstep else "array"
    wrappers = {"array", "array.drain", "array.rows", *(f"{path}.row_{row}" for row in range(config.rows))}
    components = COMPONENTS | (LOCKSTEP_COMPONENTS if config.lockstep else {})
    memories = re.compile(r"\.(weights|table|activations_even|activations_odd|bias_bank)$")
    found = Counter(
        TOP_COMPONENTS.get(name) or components.get(leaf, leaf)
        for name in modules
        if name not in wrappers and not memories.search(name) and ".decoder" not in name
        for leaf in [re.sub(r"_\d+$", "", name.rsplit(".", 1)[-1])]
    )
    assert found == {use.name: use.count for use in logic_modules(config)}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: str(config.index))
def test_every_sram_of_the_design_is_counted(config: ArrayConfig) -> None:
    text = emit(PEArray(config), "array", SeparateSRAMs())
    found = Counter(re.findall(r"^\s*(sram_\d+x\d+) macro", text, re.M))
    counted: Counter[str] = Counter()
    for use in srams(config):
        counted[f"sram_{use.depth}x{use.width}"] += use.count
    assert found == counted


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: str(config.index))
def test_each_block_can_be_emitted_alone_and_twice(config: ArrayConfig) -> None:
    for use in logic_modules(config):
        assert emit_rtlil(use.component, use.name) == emit_rtlil(use.component, use.name)


def test_words_read_go_into_counted_blocks() -> None:
    for use in srams(CONFIGS[0]):
        assert use.into is None or use.into in {logic.name for logic in logic_modules(CONFIGS[0])}
