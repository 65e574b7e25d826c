"""ArrayConfig and the index formats."""

from __future__ import annotations

from typing import Any

import pytest

from compress.base.errors import CodesignError
from rtl.config import ArrayConfig
from rtl.formats.decompress import Decompress
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed


def test_an_array_survives_its_dictionary() -> None:
    config = ArrayConfig(rows=3, lanes=6, weight_bits=5, index=Fixed(3), requant_lanes=2)
    assert ArrayConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("rows", 0),
        ("rows", 2.0),
        ("lanes", 257),
        ("lanes", True),
        ("weight_bits", 9),
        ("act_bits", 3),
        ("acc_bits", 33),
        ("requant_lanes", 3),
        ("activation_depth", 7),
        ("weight_depth", 1),
        ("chain_depth", -1),
        ("chain_depth", 9),
        ("stream_bits", 48),
        ("buffers", 3),
    ],
)
def test_a_member_out_of_range_is_refused_by_name(member: str, value: object) -> None:
    members: dict[str, Any] = {"rows": 2, "lanes": 4, member: value}
    with pytest.raises(CodesignError, match=member):
        ArrayConfig(**members)


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"index": Fixed(4)}, "rows of fixed4 differ"),
        ({"index": Decompress()}, "rows of decompress differ"),
        ({"index": Dense(), "subarrays": 2}, "cannot form 2 subarrays"),
    ],
)
def test_rows_in_lock_step_are_refused_where_they_cannot_be(members: dict[str, Any], told: str) -> None:
    with pytest.raises(CodesignError, match=told):
        ArrayConfig(rows=2, lanes=4, chain_depth=0, **members)


def test_another_format_brings_rows_in_lock_step_or_a_chain() -> None:
    sparse = ArrayConfig(rows=4, lanes=4, chain_depth=2, subarrays=2)
    dense = sparse.with_index(Dense())
    assert (dense.lockstep, dense.subarrays, dense.index) == (True, 1, Dense())
    assert dense.with_index(Fixed(4)) == sparse.replace(chain_depth=1, subarrays=1)
    assert sparse.with_index(Fixed(3)) == sparse.replace(index=Fixed(3))


def test_an_unknown_key_in_a_description_is_refused() -> None:
    with pytest.raises(CodesignError, match="pipelines"):
        ArrayConfig.from_dict({**ArrayConfig(1, 1).to_dict(), "pipelines": 2})


def test_word_bits_count_the_index() -> None:
    assert ArrayConfig(1, 1, weight_bits=5, index=Fixed(4)).word_bits == 9
    assert ArrayConfig(1, 1, weight_bits=5, index=Dense()).word_bits == 5
