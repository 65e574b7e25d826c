import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from compress.base.errors import CodesignError
from compress.data.idx import read_idx


def encode(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3, max_side=4)), st.booleans())
@settings(deadline=None)
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, zipped: bool) -> None:
    path = tmp_path_factory.mktemp("idx") / "file"
    path.write_bytes(gzip.compress(encode(array), mtime=0) if zipped else encode(array))
    np.testing.assert_array_equal(read_idx(path, array.ndim), array)


GOOD = encode(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "not an idx file"),
        (b"\x00\x00\x09\x03" + GOOD[4:], "not an idx file"),
        (GOOD[:3] + b"\x01" + GOOD[4:], "not an idx file"),
        (GOOD[:10], "truncated in its header"),
        (GOOD[:-1], "39 bytes, its header promises 40"),
        (GOOD + b"\x00", "41 bytes, its header promises 40"),
        (gzip.compress(GOOD, mtime=0)[:-9], "cannot read"),
        (gzip.compress(GOOD, mtime=0)[:-8] + bytes(8), "cannot read"),
    ],
    ids=[
        "empty",
        "another type",
        "too few dimensions",
        "cut in the header",
        "a byte short",
        "a byte long",
        "cut gzip",
        "wrong gzip checksum",
    ],
)
def test_a_damaged_file_is_a_clear_error(tmp_path: Path, content: bytes, cause: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(CodesignError, match=cause):
        read_idx(path, dimensions=3)


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CodesignError, match="No such file"):
        read_idx(tmp_path / "none", dimensions=1)
