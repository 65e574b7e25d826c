"""The file of a network that Deep Compression (Han et al., ICLR 2016) pruned and clustered: its masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError

__all__ = ["read_masks"]

CODEBOOK = 256


def read_masks(path: Path, shapes: Sequence[tuple[int, ...]]) -> list[NDArray[np.bool_]]:
    """Where each layer of ``shapes`` (K, C, R, S), in the file's order, has weights that are not zero.

    The file has a u32 for each layer, its stored weights, fillers included. Then for each layer: 256 float32 of a
    codebook, a float32 bias a filter, a u8 code a weight, and 4-bit distances, two a byte, the low one first, such that
    a weight's position is that of the one before plus its distance plus one.
    """
    try:
        return _masks(path, path.read_bytes(), shapes)
    except ValueError:  # numpy, at the end of the file
        raise CodesignError(f"{path}: ends before its {len(shapes)} layers do", "give the network's own file") from None


def _masks(path: Path, raw: bytes, shapes: Sequence[tuple[int, ...]]) -> list[NDArray[np.bool_]]:
    counts = np.frombuffer(raw, "<u4", len(shapes)).tolist()
    masks, at = [], 4 * len(shapes)
    for shape, count in zip(shapes, counts, strict=True):
        codebook = np.frombuffer(raw, "<f4", CODEBOOK, at)
        at += 4 * (CODEBOOK + shape[0])
        codes = np.frombuffer(raw, np.uint8, count, at)
        at += count
        pairs = np.frombuffer(raw, np.uint8, -(-count // 2), at)
        at += len(pairs)
        distances = np.stack([pairs & 15, pairs >> 4], axis=1).ravel()[:count]
        positions = np.cumsum(distances.astype(np.int64) + 1) - 1
        mask = np.zeros(int(np.prod(shape)), np.bool_)
        if count and positions[-1] >= len(mask):
            raise CodesignError(
                f"{path}: a weight lies outside a layer of shape {shape}", "give the network's own file"
            )
        mask[positions] = codebook[codes] != 0
        masks.append(mask.reshape(shape))
    if at != len(raw):
        raise CodesignError(
            f"{path}: {len(raw) - at:+} bytes besides {len(shapes)} layers", "give the network's own file"
        )
    return masks
