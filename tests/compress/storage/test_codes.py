from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.storage.codes import Bitmap, Dense, Fixed, IndexFormat, Rice, best_rice, bits_of, values_of

FORMATS: list[IndexFormat] = [Bitmap(), Fixed(1), Fixed(2), Fixed(4), Fixed(8), Rice(0), Rice(1), Rice(3), Rice(24)]
MASKS = st.one_of(
    st.lists(st.booleans(), min_size=1, max_size=80),
    st.tuples(st.integers(1, 2000), st.sets(st.integers(0, 1999), max_size=5)).map(
        lambda pair: [place in pair[1] for place in range(pair[0])]
    ),
)
HOSTILE = {
    "empty": np.zeros(300, bool),
    "full": np.ones(300, bool),
    "first": np.arange(300) == 0,
    "last": np.arange(300) == 299,
    "long run": (np.arange(70_000) < 3) | (np.arange(70_000) > 69_990),
    "one position": np.ones(1, bool),
    "alternating": np.arange(301) % 2 == 1,
}


def check_round_trip(index_format: IndexFormat, mask: np.ndarray) -> None:
    positions = np.flatnonzero(mask)
    stream = index_format.encode(positions, mask.size)
    assert len(stream) == index_format.bits(positions, mask.size)
    assert set(stream.tolist()) <= {0, 1}
    for more in (np.zeros(0, np.uint8), np.ones(50, np.uint8)):  # what follows in a file does not matter
        decoded, used = index_format.decode(np.concatenate([stream, more]), len(positions), mask.size)
        assert np.array_equal(decoded, positions)
        assert used == len(stream)


@pytest.mark.parametrize("index_format", FORMATS, ids=lambda index_format: index_format.name)
class TestEveryFormat:
    @given(mask=MASKS)
    @settings(deadline=None, max_examples=50)
    def test_positions_come_back(self, index_format: IndexFormat, mask: list[bool]) -> None:
        check_round_trip(index_format, np.array(mask))

    @pytest.mark.parametrize("mask", HOSTILE.values(), ids=HOSTILE)
    def test_also_of_hostile_masks(self, index_format: IndexFormat, mask: np.ndarray) -> None:
        check_round_trip(index_format, mask)

    def test_a_stream_that_ends_too_early_is_refused(self, index_format: IndexFormat) -> None:
        positions = np.array([3, 40, 41, 99])
        stream = index_format.encode(positions, 100)
        with pytest.raises(ValueError, match="does not fit"):
            index_format.decode(stream[: len(stream) // 2], 4, 100)


def test_dense_has_no_index_and_refuses_a_pruned_layer() -> None:
    check_round_trip(Dense(), np.ones(7, bool))
    with pytest.raises(CodesignError, match="pruned weights"):
        Dense().encode(np.array([0]), 2)
    with pytest.raises(ValueError, match="does not fit"):
        Dense().decode(np.zeros(0, np.uint8), 1, 2)


@given(MASKS)
@settings(deadline=None)
def test_no_rice_parameter_is_better_than_the_best(mask: list[bool]) -> None:
    positions = np.flatnonzero(mask)
    best = best_rice(positions, len(mask)).bits(positions, len(mask))
    assert all(best <= Rice(k).bits(positions, len(mask)) for k in range(25))


@pytest.mark.parametrize(("density", "floor"), [(0.45, 2.21), (0.1, 4.69), (0.0118, 7.84), (0.006, 8.82)])
def test_rice_follows_the_entropy_floor(density: float, floor: float) -> None:
    mask = np.random.default_rng(0).random(400_000) < density
    positions = np.flatnonzero(mask)
    assert best_rice(positions, mask.size).bits(positions, mask.size) / len(positions) <= floor * 1.05


@pytest.mark.parametrize(("density", "index_bits"), [(0.45, 4.0), (0.1, 5.0), (0.0118, 24.5), (0.006, 46.4)])
def test_fixed_fields_drown_in_fillers(density: float, index_bits: float) -> None:
    mask = np.random.default_rng(0).random(400_000) < density
    positions = np.flatnonzero(mask)
    assert Fixed(4).bits(positions, mask.size) / len(positions) == pytest.approx(index_bits, rel=0.02)


@given(st.lists(st.integers(0, 31), max_size=20))
def test_bits_and_values_are_inverse(values: list[int]) -> None:
    assert values_of(bits_of(np.array(values, np.int64), 5), 5).tolist() == values


@pytest.mark.parametrize("make", [lambda: Fixed(0), lambda: Rice(-1), lambda: Rice(25)])
def test_impossible_parameters_are_a_clear_error(make: Callable[[], IndexFormat]) -> None:
    with pytest.raises(CodesignError, match="_bits must be"):
        make()
