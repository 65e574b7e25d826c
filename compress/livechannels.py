"""An index format for layers most of whose channels are dead: names the live ones, then counts only between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compress.indexformats import MAX_PARAMETER, Bits, Positions, Rice, best_rice, bits_of, values_of

__all__ = ["LiveChannels", "best_live_channels"]

PARAMETER_BITS = 5  # of the Rice codes that name the live channels

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class LiveChannels:
    """Live outputs and inputs by name, then the nonzeros' gaps in the part of the layer where both are live.

    An output (filter, neuron) or input (channel, feature) is live if it has a nonzero weight. Of either set come the
    number of live ones, in as many bits as the largest needs, the parameter of their Rice code (5 bits), and that
    code. The positions follow as ``rice(remainder_bits)`` in C order through (live outputs, live inputs, taps).

    Members
    -------
    shape : tuple of int
        Outputs, inputs, taps: K, C / groups, R S. The reader knows it.
    remainder_bits : int
        Of the positions' Rice code.
    """

    shape: Shape
    remainder_bits: int

    def __post_init__(self) -> None:
        Rice(self.remainder_bits)

    @property
    def name(self) -> str:
        """``live rice(k)``."""
        return f"live {Rice(self.remainder_bits).name}"

    def bits(self, positions: Positions, size: int) -> int:
        """Of the two sets and of the positions."""
        sets, inner, inner_size = _split(positions, self.shape)
        named = sum(_set_bits(live, of) for live, of in zip(sets, self.shape, strict=False))
        return named + Rice(self.remainder_bits).bits(inner, inner_size)

    def encode(self, positions: Positions, size: int) -> Bits:
        """The two sets, then the positions."""
        sets, inner, inner_size = _split(positions, self.shape)
        named = [_encode_set(live, of) for live, of in zip(sets, self.shape, strict=False)]
        return np.concatenate([*named, Rice(self.remainder_bits).encode(inner, inner_size)])

    def decode(self, stream: Bits, count: int, size: int) -> tuple[Positions, int]:
        """The inverse of ``encode``."""
        outputs, used = _decode_set(stream, self.shape[0])
        inputs, more = _decode_set(stream[used:], self.shape[1])
        used += more
        inner_shape = (len(outputs), len(inputs), self.shape[2])
        inner, more = Rice(self.remainder_bits).decode(stream[used:], count, math.prod(inner_shape))
        output, input_, tap = np.unravel_index(inner, inner_shape) if count else (inner, inner, inner)
        places = (outputs[output], inputs[input_], tap)
        return np.ravel_multi_index(places, self.shape).astype(np.int64), used + more


def best_live_channels(positions: Positions, shape: Sequence[int]) -> LiveChannels:
    """The one with the fewest bits for these positions in a layer (K, C / groups, R, S), or one of fewer axes."""
    full = (*shape, 1, 1)
    whole = (full[0], full[1], math.prod(full[2:]))
    _, inner, inner_size = _split(positions, whole)
    return LiveChannels(whole, best_rice(inner, inner_size).remainder_bits)


def _split(positions: Positions, shape: Shape) -> tuple[tuple[Positions, Positions], Positions, int]:
    """Live outputs, live inputs, and the positions in the part between them with its size."""
    output, input_, tap = np.unravel_index(positions, shape) if len(positions) else (positions,) * 3
    (outputs, row), (inputs, column) = (np.unique(place, return_inverse=True) for place in (output, input_))
    inner_shape = (len(outputs), len(inputs), shape[2])
    inner = (row * len(inputs) + column) * shape[2] + tap
    return (outputs, inputs), np.asarray(inner, np.int64), math.prod(inner_shape)


def _set_bits(live: Positions, of: int) -> int:
    return of.bit_length() + PARAMETER_BITS + best_rice(live, of).bits(live, of)


def _encode_set(live: Positions, of: int) -> Bits:
    code = best_rice(live, of)
    head = [bits_of(np.array([len(live)]), of.bit_length()), bits_of(np.array([code.remainder_bits]), PARAMETER_BITS)]
    return np.concatenate([*head, code.encode(live, of)])


def _decode_set(stream: Bits, of: int) -> tuple[NDArray[np.int64], int]:
    """The live ones of ``of``, and how many bits they took."""
    head = of.bit_length() + PARAMETER_BITS
    if len(stream) < head:
        raise ValueError("the index stream ends within its live channels")
    count = int(values_of(stream[: of.bit_length()], of.bit_length())[0])
    parameter = int(values_of(stream[of.bit_length() : head], PARAMETER_BITS)[0])
    if parameter > MAX_PARAMETER:
        raise ValueError("the index stream has an impossible parameter")
    live, used = Rice(parameter).decode(stream[head:], count, of)
    return live, head + used
