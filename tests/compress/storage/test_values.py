import numpy as np
import pytest

from compress.base.errors import CodesignError
from compress.storage.values import MAX_CENTROIDS, ClusteredWeights, PackedWeights


def labels(*values: int) -> np.ndarray:
    return np.array(values, np.int16).reshape(-1, 1, 1, 1)


def test_weights_are_levels_times_interval_or_centroids() -> None:
    assert PackedWeights("fc", labels(0, -2, 1), 2, 0.5).weights.reshape(-1).tolist() == [0.0, -1.0, 0.5]
    clustered = ClusteredWeights("fc", labels(0, 2, 1), np.array([-1.5, 0.25], np.float32))
    assert clustered.weights.reshape(-1).tolist() == [0.0, 0.25, -1.5]
    assert clustered.weights.shape == (3, 1, 1, 1)


@pytest.mark.parametrize(("count", "bits"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (256, 8)])
def test_labels_take_as_few_bits_as_tell_them_apart(count: int, bits: int) -> None:
    assert ClusteredWeights("fc", labels(0), np.zeros(count, np.float32)).weight_bits == bits


@pytest.mark.parametrize(("label", "count"), [(3, 2), (-1, 2), (1, 0), (0, MAX_CENTROIDS + 1)])
def test_labels_outside_the_codebook_are_a_clear_error(label: int, count: int) -> None:
    with pytest.raises(CodesignError, match="layer 'fc' has"):
        ClusteredWeights("fc", labels(label), np.zeros(count, np.float32))
