from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.loop.results import Result
from compress.base.errors import CodesignError


class Small(Result):
    FILE: ClassVar[str] = "small.json"
    COMMAND: ClassVar[str] = "codesign small"

    count: int
    ratios: tuple[float, ...]


@given(st.integers(-(2**60), 2**60), st.lists(st.floats(allow_nan=False), max_size=4))
def test_a_result_reads_as_the_keys_of_its_file(count: int, ratios: list[float]) -> None:
    result = Small(count=count, ratios=tuple(ratios))
    assert Small.model_validate_json(result.model_dump_json()) == result
    assert [result[name] for name in result.to_json()] == [count, ratios]


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    result = Small(count=3, ratios=(0.5, 2.0))
    result.write(tmp_path)
    assert Small.read(tmp_path) == result


@pytest.mark.parametrize(
    "text", ['{"count": true, "ratios": []}', '{"count": 1}', '{"count": 1, "ratios": [], "x": 0}', "["]
)
def test_a_file_of_other_members_or_types_is_damaged(tmp_path: Path, text: str) -> None:
    (tmp_path / "small.json").write_text(text)
    with pytest.raises(CodesignError, match=r"small\.json is damaged") as error:
        Small.read(tmp_path)
    assert "codesign small" in error.value.next_step


def test_a_missing_file_names_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(CodesignError) as error:
        Small.read(tmp_path)
    assert "run `codesign small` first" in error.value.next_step
