import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.storage.codes import Bitmap, Dense, IndexFormat, Rice, best_rice, bits_of
from compress.storage.live_channels import FORMAT_BITS, INNER_FORMATS, LiveChannels, best_live_channels
from compress.storage.packed_file import decode_weights, encode_weights
from compress.storage.sizes import layer_storage, storage_of
from compress.storage.values import ClusteredWeights, PackedWeights


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


def dense_between_live(mask: np.ndarray) -> bool:
    outputs, inputs = mask.any(axis=(1, 2, 3)), mask.any(axis=(0, 2, 3))
    return bool(mask[outputs][:, inputs].all())


@given(masks(), st.sampled_from(INNER_FORMATS))
def test_positions_come_back_from_every_format(mask: np.ndarray, inner: IndexFormat) -> None:
    shape = (mask.shape[0], mask.shape[1], mask.shape[2] * mask.shape[3])
    if isinstance(inner, Dense) and not dense_between_live(mask):
        with pytest.raises(CodesignError, match="pruned weights"):
            LiveChannels(shape, inner).encode(np.flatnonzero(mask), mask.size)
    else:
        check_round_trip(LiveChannels(shape, inner), mask)


@given(masks())
def test_no_format_is_better_than_the_best(mask: np.ndarray) -> None:
    positions = np.flatnonzero(mask)
    best = best_live_channels(positions, mask.shape)
    check_round_trip(best, mask)
    possible = [inner for inner in INNER_FORMATS if not isinstance(inner, Dense) or dense_between_live(mask)]
    others = [LiveChannels(best.shape, inner).bits(positions, mask.size) for inner in possible]
    assert best.bits(positions, mask.size) == min(others)


@given(masks())
def test_a_bitmap_would_never_take_fewer_bits_than_rice_0(mask: np.ndarray) -> None:
    positions = np.flatnonzero(mask)
    assert Rice(0).bits(positions, mask.size) <= Bitmap().bits(positions, mask.size)


def test_the_places_of_formats_in_files_stay() -> None:
    names = [f"rice({k})" for k in range(25)] + ["dense", *(f"fixed({b})" for b in (3, 4, 5, 6, 8))]
    assert [inner.name for inner in INNER_FORMATS] == names
    assert len(INNER_FORMATS) < 1 << FORMAT_BITS


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


def test_channel_pruning_costs_the_names_of_channels_alone() -> None:
    mask = np.zeros((50, 20, 5, 5), bool)
    mask[np.ix_(range(0, 50, 2), range(20))] = True
    positions = np.flatnonzero(mask)
    best = best_live_channels(positions, mask.shape)
    assert best.inner == Dense()
    # 25 of 50: 6 bits, format, a zero and a one each but for the first; 20 of 20: 5 bits and format.
    assert best.bits(positions, mask.size) == (6 + FORMAT_BITS + 49) + (5 + FORMAT_BITS)


@given(masks(), st.booleans(), st.integers(0, 10**6))
def test_a_file_has_the_stated_size_and_gives_back_every_mask(mask: np.ndarray, clustered: bool, seed: int) -> None:
    values = np.where(mask, np.random.default_rng(seed).integers(1, 3, mask.shape), 0).astype(np.int16)
    layer = ClusteredWeights("a", values, np.ones(2, np.float32)) if clustered else PackedWeights("a", values, 3, 0.5)
    content, header = encode_weights([layer])
    assert len(content) == header + math.ceil(storage_of(layer).total_bits() / 8)
    (decoded,) = decode_weights(content)
    assert type(decoded) is type(layer)
    assert np.array_equal(decoded.weights, layer.weights)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (4, 1, 3, 3), (7, 5, 1, 1)], ids=["one weight", "depthwise", "linear"])
@pytest.mark.parametrize("live", ["none", "one", "all"])
@pytest.mark.parametrize("inner", [Rice(0), Rice(24), Dense()], ids=lambda inner: inner.name)
def test_also_of_hostile_layers(shape: tuple[int, ...], live: str, inner: IndexFormat) -> None:
    mask = np.full(shape, live == "all")
    mask[-1, -1] |= live == "one"
    check_round_trip(LiveChannels((shape[0], shape[1], math.prod(shape[2:])), inner), mask)


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
    wrong[3 : 3 + FORMAT_BITS] = bits_of(np.array([len(INNER_FORMATS)]), FORMAT_BITS)
    with pytest.raises(ValueError, match="impossible format"):
        index_format.decode(wrong, len(positions), mask.size)
    wrong = stream.copy()
    wrong[:3] = 1  # 7, more live outputs than there are
    with pytest.raises(ValueError, match="more live channels than nonzeros"):
        index_format.decode(wrong, len(positions), mask.size)
    with pytest.raises(ValueError, match="does not fit"):
        LiveChannels(index_format.shape, Dense()).decode(stream, len(positions), mask.size)


def test_an_impossible_format_is_a_clear_error() -> None:
    with pytest.raises(CodesignError, match="bitmap cannot follow"):
        LiveChannels((1, 1, 1), Bitmap())
