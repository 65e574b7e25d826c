import math
from dataclasses import replace

import numpy as np
import pytest

from compress.model.compressed_model import CompressedModel
from compress.storage.codes import Bitmap, Dense, Fixed, Rice
from compress.storage.sizes import ModelStorage, entropy_bits, layer_storage, model_storage, storage_of
from compress.storage.values import ClusteredWeights


def sparse_levels(size: int, nonzeros: int, seed: int = 0) -> np.ndarray:
    levels = np.zeros(size, np.int16)
    levels[np.random.default_rng(seed).choice(size, nonzeros, replace=False)] = 1
    return levels.reshape(-1, 1, 1, 1)


def test_bits_are_those_of_a_count_by_hand() -> None:
    storage = layer_storage("fc", np.array([0, 3, 0, 0, 0, 0, 0, 0, 0, -1], np.int16), weight_bits=3)
    sizes = {index_format.name: bits for index_format, bits in storage.index_bits}
    assert (storage.weights, storage.nonzeros, storage.data_bits) == (10, 2, 6)
    # Gaps 1 and 7: one filler of 7 with 3 bits; rice(1) codes them as 1 1 and 000 1 1.
    assert {"bitmap": 10, "fixed(3)": 9, "fixed(4)": 8, "fixed(8)": 16}.items() <= sizes.items()
    assert storage.best_format == Rice(1)
    assert storage.total_bits() == 6 + 7
    assert storage.total_bits(Bitmap()) == 16
    assert storage.floor_bits == pytest.approx(6 + 10 * 0.7219, abs=1e-3)


def test_a_full_layer_needs_no_index_and_an_empty_one_nothing() -> None:
    assert layer_storage("full", np.ones(8, np.int16), 4).best_format == Dense()
    assert layer_storage("full", np.ones(8, np.int16), 4).total_bits() == 32
    assert layer_storage("empty", np.zeros(8, np.int16), 4).total_bits() == 0
    assert ModelStorage((layer_storage("empty", np.zeros(8, np.int16), 4),)).total_ratio == math.inf


def test_a_models_bits_are_the_layers(model: CompressedModel) -> None:
    storage = model_storage(model.layers)
    assert storage.dense_bits == 32 * (72 + 48)
    assert storage.data_bits == sum(layer.nonzeros * layer.weight_bits for layer in model.layers)
    assert storage.total_bits == sum(layer.total_bits() for layer in storage.layers)
    assert storage.total_ratio < storage.data_ratio


def test_ratios_count_the_weights_of_folded_channels(model: CompressedModel) -> None:
    folded = replace(model.layers[0], dense_shape=(8, 5, 1))
    storage = storage_of(folded)
    assert (storage.weights, storage.nonzeros, folded.alpha) == (360, folded.nonzeros, folded.nonzeros / 360)
    assert storage.index_bits == storage_of(model.layers[0]).index_bits
    assert model_storage([folded]).dense_bits == 32 * 360


def test_a_clustered_layer_stores_labels_and_its_codebook() -> None:
    labels = np.array([0, 3, 0, 0, 0, 0, 0, 0, 0, 1], np.int16).reshape(10, 1, 1, 1)
    storage = storage_of(ClusteredWeights("fc", labels, np.array([-1.0, 0.5, 2.0], np.float32)))
    assert (storage.nonzeros, storage.weight_bits, storage.codebook_bits) == (2, 2, 96)
    assert storage.data_bits == 2 * 2 + 96
    assert storage.total_bits() == 2 * 2 + 96 + 7
    assert storage.floor_bits == pytest.approx(100 + 10 * 0.7219, abs=1e-3)
    single = storage_of(ClusteredWeights("fc", np.ones((4, 1, 1, 1), np.int16), np.ones(1, np.float32)))
    assert (single.weight_bits, single.total_bits()) == (0, 32)


@pytest.mark.parametrize("density", [0.0, 1.0])
def test_certainty_has_no_entropy(density: float) -> None:
    assert entropy_bits(density) == 0


class TestThePapersArithmetic:
    """LeNet-5 of 000 Table 3: weights, kept, bits."""

    LAYERS = ((500, 100, 5), (25_000, 1330, 3), (400_000, 800, 2), (5_000, 350, 3))

    def test_their_weight_data_needs_2_77_bits_a_weight_and_not_the_2_4_they_state(self) -> None:
        kept = sum(count for _, count, _ in self.LAYERS)
        mean = sum(count * bits for _, count, bits in self.LAYERS) / kept
        assert pytest.approx(2.77, abs=0.005) == 0.89e3 * 8 / 2570  # 003 Table 5
        assert mean == pytest.approx(2.77, abs=0.005)
        assert pytest.approx(1910, rel=0.02) == 430_500 * 4 / 0.89e3
        assert pytest.approx(623, rel=0.02) == 430_500 * 4 / 2.73e3

    def test_their_index_budget_is_below_the_entropy_of_random_masks(self) -> None:
        budget = (2.73e3 - 0.89e3) * 8 / 2570
        kept = sum(count for _, count, _ in self.LAYERS)
        floor = sum(size * entropy_bits(count / size) for size, count, _ in self.LAYERS) / kept
        assert budget == pytest.approx(5.7, abs=0.05)
        assert floor == pytest.approx(7.0, abs=0.1)

    def test_their_model_in_our_formats(self) -> None:
        layers = [
            layer_storage(str(i), sparse_levels(size, count), bits) for i, (size, count, bits) in enumerate(self.LAYERS)
        ]
        storage = ModelStorage(tuple(layers))
        assert storage.data_ratio == pytest.approx(1925, rel=0.01)
        assert storage.floor_bits < storage.total_bits < 1.05 * storage.floor_bits
        fixed = sum(layer.total_bits(Fixed(4)) for layer in layers)
        assert fixed > 2 * storage.total_bits
