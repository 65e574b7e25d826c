"""Packer's half of ``Fixed(b)``: levels of one row to weight words, and how many words each filter takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtl.config import Fixed

__all__ = ["decode_fixed", "encode_fixed", "fixed_words"]


def fixed_words(mask_kl: NDArray[np.bool_], index: Fixed) -> NDArray[np.int64]:
    """(K,): words of each filter, given which of its L positions are nonzero.

    A filter has at least one word. A gap longer than a field is filled up; the gap from a filter's last nonzero
    to the next filter's first runs through the boundary, unless ending the filter explicitly is shorter.
    """
    before, after, inner, marker = _plan(mask_kl, index)
    return np.asarray(mask_kl.sum(axis=1) + inner + before + after + marker)


def _plan(mask_kl: NDArray[np.bool_], index: Fixed) -> tuple[NDArray[np.int64], ...]:
    """Per filter: fillers before its first nonzero, fillers behind its last, fillers between, end markers."""
    step = index.escape
    empty: NDArray[np.bool_] = np.asarray(~mask_kl.any(axis=1))
    first = np.where(empty, 0, mask_kl.argmax(axis=1)).astype(np.int64)
    tail = np.where(empty, 0, mask_kl[:, ::-1].argmax(axis=1)).astype(np.int64)

    through = _runs_through(tail, first, empty, step)
    across = (tail[:-1] + first[1:]) // step
    behind_boundary = np.minimum(across, np.maximum(0, -(-tail[:-1] // step) - 1))

    before = first // step
    before[1:] = np.where(through, across - behind_boundary, before[1:])
    after = np.zeros_like(first)
    after[:-1] = np.where(through, behind_boundary, 0)
    marker = empty.astype(np.int64)
    marker[:-1] |= ~through & (tail[:-1] > 0)
    return before, after, _inner_fillers(mask_kl, step), marker


def _runs_through(
    tail: NDArray[np.int64], first: NDArray[np.int64], empty: NDArray[np.bool_], step: int
) -> NDArray[np.bool_]:
    """Whether the gap between filters k and k + 1 needs no end marker."""
    both = ~empty[:-1] & ~empty[1:]
    fillers_through = (tail[:-1] + first[1:]) // step
    words_with_marker = (tail[:-1] > 0) + first[1:] // step
    return np.asarray(both & (fillers_through <= words_with_marker))


def _inner_fillers(mask_kl: NDArray[np.bool_], step: int) -> NDArray[np.int64]:
    filter_index, position = np.nonzero(mask_kl)
    gaps = np.diff(position) - 1
    same = np.diff(filter_index) == 0
    return np.bincount(filter_index[1:][same], gaps[same] // step, minlength=len(mask_kl)).astype(np.int64)


def encode_fixed(levels_kl: NDArray[np.int16], index: Fixed, weight_bits: int) -> NDArray[np.uint32]:
    """Weight words of one row: gap in the high bits, code in the low ``weight_bits``."""
    before, after, _, marker = _plan(levels_kl != 0, index)
    step, shift = index.escape, weight_bits
    filler, end = step << shift, (step << shift) | ((1 << weight_bits) - 1)
    words: list[int] = []
    behind = 0  # positions between the last nonzero and the end of its filter, if that was not ended by a marker
    for k, levels in enumerate(levels_kl):
        at = -behind
        passed = int(after[k - 1]) if behind else 0  # fillers of this gap that lie in the filter before
        for nth, position in enumerate(np.flatnonzero(levels).tolist()):
            fillers = int(before[k]) if nth == 0 else (position - at) // step
            words += [filler] * fillers
            words.append((position - at - step * (fillers + passed)) << shift | _code(int(levels[position]), shift))
            at, passed = position + 1, 0
        words += [filler] * int(after[k]) + [end] * int(marker[k])
        behind = 0 if marker[k] else levels_kl.shape[1] - at
    return np.array(words, np.uint32)


def _code(level: int, weight_bits: int) -> int:
    """Two's complement of a level with zero left out: 1 is stored as 0 (003 section 3.4.2)."""
    return (level - (level > 0)) & ((1 << weight_bits) - 1)


def decode_fixed(
    words: NDArray[np.uint32], index: Fixed, weight_bits: int, filters: int, positions: int
) -> NDArray[np.int16]:
    """(K, L) levels back from the words: the decoder's software twin."""
    levels = np.zeros((filters, positions), np.int16)
    at, k = positions, -1
    for word in words.tolist():
        gap, code = word >> weight_bits, word & ((1 << weight_bits) - 1)
        escape = gap == index.escape
        ends = escape and code & 1
        at += 0 if ends else gap
        if at >= positions:
            at, k = at - positions, k + 1
        if ends:
            at = positions
        elif not escape:
            negative = code >> (weight_bits - 1)
            levels[k, at] = code - (1 << weight_bits) if negative else code + 1
            at += 1
    return levels
