"""An index format for layers most of whose channels are dead: names the live ones, then counts only between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compress.base.errors import CodesignError
from compress.storage.codes import MAX_PARAMETER, Bits, Dense, Fixed, IndexFormat, Positions, Rice, bits_of, values_of

__all__ = ["INNER_FORMATS", "LiveChannels", "best_live_channels"]

# A place here is a number in the files: only ever append. No bitmap: rice(0) never takes more bits.
INNER_FORMATS: tuple[IndexFormat, ...] = (
    *(Rice(remainder_bits) for remainder_bits in range(MAX_PARAMETER + 1)),
    Dense(),
    *(Fixed(gap_bits) for gap_bits in (3, 4, 5, 6, 8)),
)
FORMAT_BITS = 5  # of a place in INNER_FORMATS

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class LiveChannels:
    """Live outputs and inputs by name, then the nonzeros' gaps in the part of the layer where both are live.

    An output (filter, neuron) or input (channel, feature) is live if it has a nonzero weight. Each set is written as
    the number of live ones, in as many bits as the largest number needs, its format's place in ``INNER_FORMATS``
    (5 bits), and the live ones in that format. The positions follow in ``inner``, in C order through (live outputs,
    live inputs, taps).

    Members
    -------
    shape : tuple of int
        Outputs, inputs, taps: K, C / groups, R S. The reader knows it.
    inner : IndexFormat
        Of the positions; one of ``INNER_FORMATS``.
    """

    shape: Shape
    inner: IndexFormat

    def __post_init__(self) -> None:
        if self.inner not in INNER_FORMATS:
            raise CodesignError(f"{self.inner.name} cannot follow live channels", "choose one of INNER_FORMATS")

    @property
    def name(self) -> str:
        """``live rice(k)``, ``live dense`` or ``live fixed(b)``."""
        return f"live {self.inner.name}"

    def bits(self, positions: Positions, size: int) -> int:
        """Of the two sets and of the positions."""
        sets, inner, inner_size = _split(positions, self.shape)
        named = sum(_set_bits(live, of) for live, of in zip(sets, self.shape, strict=False))
        return named + self.inner.bits(inner, inner_size)

    def encode(self, positions: Positions, size: int) -> Bits:
        """The two sets, then the positions."""
        sets, inner, inner_size = _split(positions, self.shape)
        named = [_encode_set(live, of) for live, of in zip(sets, self.shape, strict=False)]
        return np.concatenate([*named, self.inner.encode(inner, inner_size)])

    def decode(self, stream: Bits, count: int, size: int) -> tuple[Positions, int]:
        """The inverse of ``encode``."""
        outputs, used = _decode_set(stream, count, self.shape[0])
        inputs, more = _decode_set(stream[used:], count, self.shape[1])
        used += more
        inner_shape = (len(outputs), len(inputs), self.shape[2])
        inner, more = self.inner.decode(stream[used:], count, math.prod(inner_shape))
        output, input_, tap = np.unravel_index(inner, inner_shape) if count else (inner, inner, inner)
        channels = outputs[output] * self.shape[1] + inputs[input_]
        return np.asarray(channels * self.shape[2] + tap, np.int64), used + more


def best_live_channels(positions: Positions, shape: Sequence[int]) -> LiveChannels:
    """The one with the fewest bits for these positions in a layer (K, C / groups, R, S), or one of fewer axes."""
    full = (*shape, 1, 1)
    whole = (full[0], full[1], math.prod(full[2:]))
    _, inner, inner_size = _split(positions, whole)
    return LiveChannels(whole, _best_inner(inner, inner_size))


def _best_inner(positions: Positions, size: int) -> IndexFormat:
    """The first of those with the fewest bits; formats without an index only where every position is nonzero."""
    possible = (code for code in INNER_FORMATS if len(positions) == size or not isinstance(code, Dense))
    return min(possible, key=lambda code: code.bits(positions, size))


def _split(positions: Positions, shape: Shape) -> tuple[tuple[Positions, Positions], Positions, int]:
    """Live outputs, live inputs, and the positions in the part between them with its size."""
    output, input_, tap = np.unravel_index(positions, shape) if len(positions) else (positions,) * 3
    (outputs, row), (inputs, column) = _ranked(output, shape[0]), _ranked(input_, shape[1])
    inner_shape = (len(outputs), len(inputs), shape[2])
    inner = (row * len(inputs) + column) * shape[2] + tap
    return (outputs, inputs), np.asarray(inner, np.int64), math.prod(inner_shape)


def _ranked(channels: Positions, of: int) -> tuple[Positions, Positions]:
    """The live ones of ``of``, and the place among them of each of ``channels``; without a sort of all nonzeros."""
    live = np.zeros(of, bool)
    live[channels] = True
    return np.flatnonzero(live), (np.cumsum(live) - 1)[channels]


def _set_bits(live: Positions, of: int) -> int:
    return of.bit_length() + FORMAT_BITS + _best_inner(live, of).bits(live, of)


def _encode_set(live: Positions, of: int) -> Bits:
    code = _best_inner(live, of)
    place = INNER_FORMATS.index(code)
    head = [bits_of(np.array([len(live)]), of.bit_length()), bits_of(np.array([place]), FORMAT_BITS)]
    return np.concatenate([*head, code.encode(live, of)])


def _decode_set(stream: Bits, nonzeros: int, of: int) -> tuple[Positions, int]:
    """The live ones of ``of``, and how many bits they took."""
    head = of.bit_length() + FORMAT_BITS
    if len(stream) < head:
        raise ValueError("the index stream ends within its live channels")
    live = int(values_of(stream[: of.bit_length()], of.bit_length())[0])
    place = int(values_of(stream[of.bit_length() : head], FORMAT_BITS)[0])
    if live > nonzeros:  # also bounds what a damaged file can allocate
        raise ValueError("the index stream has more live channels than nonzeros")
    if place >= len(INNER_FORMATS):
        raise ValueError("the index stream has an impossible format")
    channels, used = INNER_FORMATS[place].decode(stream[head:], live, of)
    return channels, head + used
