from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from codesign.loop.evaluate import evaluate_model
from codesign.loop.generation import ArrayOptions, array_and_cycles
from codesign.loop.verify import simulate_model
from compress.storage.archive import encode_model, read_model
from compress.storage.packed_file import encode_weights
from rtl.generate import generate as generate_array

SHIPPED = Path(__file__).parents[3] / "examples" / "lenet5-305x.packed"
WEIGHTS = 430_500


def test_it_is_a_lenet5_of_at_least_305x_in_few_bytes() -> None:
    model = read_model(SHIPPED)
    kept = sum(int(np.count_nonzero(layer.levels)) for layer in model.layers)
    assert [layer.weights for layer in model.layers] == [500, 25_000, 400_000, 5_000]
    assert kept <= round(WEIGHTS / 305)
    assert [layer.weight_bits for layer in model.layers] == [4, 2, 2, 3]
    assert 4 * WEIGHTS / len(encode_weights(model.layers)[0]) > 1_100
    assert SHIPPED.read_bytes() == encode_model(model)


def test_an_array_of_it_runs_bit_for_bit(tmp_path: Path) -> None:
    model = read_model(SHIPPED)
    options = ArrayOptions(rows=4, lanes=16, index="fixed6")
    generate_array(array_and_cycles(model, None, options, linear_batch=1).config, tmp_path)
    image = np.random.default_rng(0).random((1, 1, 28, 28), np.float32)
    result = simulate_model(model, tmp_path, image, linear_batch=1)
    assert result.bit_exact
    assert result.cycle_exact


@pytest.mark.skipif("CODESIGN_DATA" not in os.environ, reason="MNIST's test images are in no package: CODESIGN_DATA")
def test_its_accuracy_in_integers_is_that_of_the_benchmark() -> None:
    found = evaluate_model(SHIPPED)
    assert found.accuracy == 0.9908
