import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.errors import CodesignError
from compress.indexformats import MAX_PARAMETER, best_rice, bits_of
from compress.livechannels import PARAMETER_BITS, LiveChannels, best_live_channels
from compress.packed import PackedWeights
from compress.packfile import decode_weights, encode_weights
from compress.storage import layer_storage


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    """Of any density between live channels, most of the channels dead or none."""
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 40), st.integers(1, 3), st.integers(1, 3)))
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    mask = random.random(shape) < draw(st.sampled_from([0.0, 0.03, 0.4, 1.0]))
    for axis in (0, 1):
        dead = random.random(shape[axis]) < draw(st.sampled_from([0.0, 0.8]))
        mask[(slice(None),) * axis + (dead,)] = False
    return mask


def check_round_trip(index_format: LiveChannels, mask: np.ndarray) -> None:
    positions = np.flatnonzero(mask)
    stream = index_format.encode(positions, mask.size)
    assert len(stream) == index_format.bits(positions, mask.size)
    for more in (np.zeros(0, np.uint8), np.ones(50, np.uint8)):  # what follows in a file does not matter
        decoded, used = index_format.decode(np.concatenate([stream, more]), len(positions), mask.size)
        assert np.array_equal(decoded, positions)
        assert used == len(stream)


@given(masks(), st.integers(0, MAX_PARAMETER))
def test_positions_come_back_whatever_the_parameter(mask: np.ndarray, remainder_bits: int) -> None:
    shape = (mask.shape[0], mask.shape[1], mask.shape[2] * mask.shape[3])
    check_round_trip(LiveChannels(shape, remainder_bits), mask)


@given(masks())
def test_no_parameter_is_better_than_the_best(mask: np.ndarray) -> None:
    positions = np.flatnonzero(mask)
    best = best_live_channels(positions, mask.shape)
    bits = best.bits(positions, mask.size)
    assert all(bits <= LiveChannels(best.shape, k).bits(positions, mask.size) for k in range(MAX_PARAMETER + 1))


@given(masks())
def test_a_layer_is_stored_this_way_only_where_that_takes_fewer_bits(mask: np.ndarray) -> None:
    storage = layer_storage("layer", np.where(mask, 1, 0).astype(np.int16), 3)
    others = [bits for index_format, bits in storage.index_bits if not isinstance(index_format, LiveChannels)]
    live = next(bits for index_format, bits in storage.index_bits if isinstance(index_format, LiveChannels))
    assert isinstance(storage.best_format, LiveChannels) == (live < min(others))
    assert storage.total_bits() == storage.data_bits + min(live, *others)


def test_dead_channels_are_not_counted_through() -> None:
    """LeNet-5's fc1 at 400x, 350 weights between 50 neurons and 350 features: a fifth less than the best Rice code."""
    random = np.random.default_rng(0)
    mask = np.zeros((500, 800), bool)
    inner = np.zeros(50 * 350, bool)
    inner[random.choice(inner.size, 350, replace=False)] = True
    mask[np.ix_(random.choice(500, 50, replace=False), random.choice(800, 350, replace=False))] = inner.reshape(50, 350)
    positions = np.flatnonzero(mask)
    live = best_live_channels(positions, mask.shape).bits(positions, mask.size)
    assert live < 0.8 * best_rice(positions, mask.size).bits(positions, mask.size)


def test_the_file_holds_it_and_reads_it_back() -> None:
    levels = np.zeros((64, 96, 3, 3), np.int16)
    levels[5, 7], levels[41, 7], levels[41, 90] = -2, 1, 2
    layer = PackedWeights("conv", levels, 2, 0.5)
    storage = layer_storage("conv", levels, 2)
    assert isinstance(storage.best_format, LiveChannels)
    content, header = encode_weights([layer])
    assert len(content) == header + math.ceil(storage.total_bits() / 8)
    (decoded,) = decode_weights(content)
    assert isinstance(decoded, PackedWeights)
    assert np.array_equal(decoded.levels, levels)


def test_a_stream_that_ends_too_early_or_is_inconsistent_is_refused() -> None:
    mask = np.zeros((6, 50), bool)
    mask[1, [3, 40, 41]] = mask[4, 9] = True
    positions = np.flatnonzero(mask)
    index_format = best_live_channels(positions, mask.shape)
    stream = index_format.encode(positions, mask.size)
    for end in range(len(stream)):
        with pytest.raises(ValueError, match="index stream"):
            index_format.decode(stream[:end], len(positions), mask.size)
    wrong = stream.copy()
    wrong[3 : 3 + PARAMETER_BITS] = bits_of(np.array([MAX_PARAMETER + 1]), PARAMETER_BITS)
    with pytest.raises(ValueError, match="impossible parameter"):
        index_format.decode(wrong, len(positions), mask.size)
    wrong = stream.copy()
    wrong[:3] = 1  # 7, more live outputs than there are
    with pytest.raises(ValueError, match="index stream"):
        index_format.decode(wrong, len(positions), mask.size)


def test_an_impossible_parameter_is_a_clear_error() -> None:
    with pytest.raises(CodesignError, match="remainder_bits"):
        LiveChannels((1, 1, 1), MAX_PARAMETER + 1)
