"""Document, C header and Python constants say what the table says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rtl.array.write_bus import Space
from rtl.axi.packets import data_beats, header, header_beats
from rtl.axi.register_texts import c_header, python_constants, register_map, register_rows
from rtl.axi.registers import Access, register_table
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense

HARDWARE = Path(__file__).parents[3] / "docs" / "hardware.md"
CONFIGS = [ArrayConfig(rows=3, lanes=10, requant_lanes=5), ArrayConfig(rows=1, lanes=1, index=Dense())]


def constants_of(config: ArrayConfig) -> dict[str, int]:
    names: dict[str, int] = {}
    exec(python_constants(register_table(config), config), names)
    return {name: value for name, value in names.items() if name.isupper()}


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_python_constants_are_the_table(config: ArrayConfig) -> None:
    constants = constants_of(config)
    for register in register_table(config).values():
        assert constants[f"{register.name}_OFFSET"] == register.offset
        for field in register.fields:
            name = register.name if len(register.fields) == 1 else f"{register.name}_{field.name}"
            assert constants[f"{name}_MASK"] == field.mask == ((1 << field.width) - 1) << constants[f"{name}_SHIFT"]
        if register.access is Access.CONSTANT:
            assert constants[f"{register.name}_EXPECTED"] == register.value


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("standard", ["c99", "c++11"])
def test_the_header_compiles_without_a_warning_and_has_the_same_constants(
    config: ArrayConfig, standard: str, tmp_path: Path
) -> None:
    compiler = shutil.which("g++" if "+" in standard else "gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    (tmp_path / "codesign_regs.h").write_text(c_header(register_table(config), config))
    lines = [f'printf("{name} %lu\\n", (unsigned long)CODESIGN_{name});' for name in constants_of(config)]
    source = tmp_path / "main.c"
    source.write_text(
        '#include <stdio.h>\n#include "codesign_regs.h"\n#include "codesign_regs.h"\n'
        + "int main(void)\n{\nuint32_t h[2];\n"
        + "\n".join(lines)
        + '\ncodesign_header(h, CODESIGN_SPACE_TABLE, 2u, 77u, 9u);\nprintf("H %lu\\nI %lu\\n", (unsigned long)h[0],'
        + ' (unsigned long)h[1]);\nprintf("B %lu\\n", (unsigned long)codesign_segment_beats(CODESIGN_WORD_BITS_TABLE,'
        + " 1u << 22));\nreturn 0;\n}\n"
    )
    flags = ["-Wall", "-Wextra", "-pedantic", "-Werror", f"-std={standard}", "-x", "c++" if "+" in standard else "c"]
    command = [compiler, *flags, str(source), "-o", str(tmp_path / "main")]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    said = subprocess.run([tmp_path / "main"], capture_output=True, text=True).stdout.split("\n")
    printed = {name: int(value) for name, value in (line.split() for line in said if line)}
    assert printed.pop("H") | printed.pop("I") << 32 == header(Space.TABLE, 2, 77, 9)
    assert printed.pop("B") == header_beats(config) + data_beats(config, Space.TABLE, 1 << 22)
    assert printed == constants_of(config)


def test_the_map_names_every_register_field_and_value() -> None:
    table = register_table(CONFIGS[0])
    text = register_map(table, CONFIGS[0])
    for register in table.values():
        assert f"| 0x{register.offset:03x} | {register.name} |" in text
        for field in register.fields:
            assert field.description in text
    assert "| 0x43445347 |" in text
    rows = re.findall(r"^\|.*\|$", text.split("| offset")[1], re.MULTILINE)
    assert len({row.count("|") for row in rows}) == 1


def test_the_documents_c_lines_compile_with_the_header(tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler")
    (tmp_path / "codesign_regs.h").write_text(c_header(register_table(CONFIGS[0]), CONFIGS[0]))
    snippet = re.search(r"```c\n(.*?)```", HARDWARE.read_text(), re.DOTALL)
    assert snippet is not None
    (tmp_path / "host.c").write_text(snippet[1])
    flags = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-std=c99", "-fsyntax-only"]
    checked = subprocess.run(["gcc", *flags, str(tmp_path / "host.c")], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_the_hardware_document_shows_this_table() -> None:
    document = HARDWARE.read_text()
    assert register_rows(register_table(CONFIGS[0]), with_values=False) in document
