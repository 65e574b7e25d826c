"""A file of Deep Compression, written here and read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.array.deep_compression import read_masks
from compress.base.errors import CodesignError

SHAPES = [(4, 3, 3, 3), (2, 40, 1, 1)]


def layer_of(mask: NDArray[np.bool_]) -> tuple[int, bytes]:
    """Stored weights, fillers included, and the layer's bytes: code 1 is a weight, code 0 is zero."""
    at, distances, codes = -1, [], []
    for position in np.flatnonzero(mask).tolist():
        while position - at > 16:
            at += 16
            distances.append(15)
            codes.append(0)
        distances.append(position - at - 1)
        codes.append(1)
        at = position
    codebook = np.zeros(256, "<f4")
    codebook[1] = 0.5
    pairs = np.array([*distances, *[0] * (len(distances) % 2)], np.uint8).reshape(-1, 2)
    parts = (
        codebook.tobytes(),
        np.zeros(len(mask), "<f4").tobytes(),
        bytes(codes),
        (pairs @ [1, 16]).astype("u1").tobytes(),
    )
    return len(codes), b"".join(parts)


def written(masks: list[NDArray[np.bool_]], path: Path) -> Path:
    layers = [layer_of(mask) for mask in masks]
    path.write_bytes(np.array([count for count, _ in layers], "<u4").tobytes() + b"".join(part for _, part in layers))
    return path


def test_masks_are_where_weights_are_stored_and_not_where_fillers_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    masks = [rng.random(shape) < density for shape, density in zip(SHAPES, (0.3, 0.03), strict=True)]
    found = read_masks(written(masks, tmp_path / "net"), SHAPES)
    for mask, read in zip(masks, found, strict=True):
        np.testing.assert_array_equal(read, mask)


@pytest.mark.parametrize("shapes", [[SHAPES[0]], [(1, 3, 3, 3), (2, 40, 1, 1)], [(4, 3, 3, 3), (2, 9, 1, 1)]])
def test_a_file_of_another_network_is_refused(tmp_path: Path, shapes: list[tuple[int, ...]]) -> None:
    path = written([np.ones(shape, np.bool_) for shape in SHAPES], tmp_path / "net")
    with pytest.raises(CodesignError, match="layer") as told:
        read_masks(path, shapes)
    assert told.value.next_step == "give the network's own file"


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = written([np.ones(shape, np.bool_) for shape in SHAPES], tmp_path / "net")
    for length in range(0, len(whole := path.read_bytes()), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(CodesignError):
            read_masks(path, SHAPES)
