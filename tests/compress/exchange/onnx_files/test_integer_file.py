from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from compress.exchange.onnx_files.integer_file import ANSWER, CODES, IMAGES, integer_graph, save_onnx
from compress.exchange.onnx_files.integer_operations import INTEGER_OPERATIONS
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer, LayerKind
from compress.model.ops.registry import OPS
from compress.model.requantization import Requantization
from compress.storage.archive import read_model
from sim.golden.golden import quantize_input, run_model
from tests.compress.model.graphs import branching
from tests.compress.model.random_graphs import every_operation, graphs
from tests.drawn import layers

EXAMPLE = Path(__file__).parents[4] / "examples/lenet5-305x.packed"


def run_onnx(exported: onnx.ModelProto, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(exported.SerializeToString(), options, ["CPUExecutionProvider"])
    answer, codes = session.run([ANSWER, CODES], {IMAGES: images})
    return answer, codes


def images_of(model: CompressedModel, count: int, seed: int) -> NDArray[np.float32]:
    """Real images of all codes, their ties, and numbers beyond both ends."""
    image = model.input
    codes = np.random.default_rng(seed).integers(-8, 2 * (image.highest + 8), (count, *image.shape)) / 2
    return ((codes - image.zero_point) * image.scale).astype(np.float32)


def assert_golden(model: CompressedModel, images: NDArray[np.float32]) -> None:
    exported = integer_graph(model)
    onnx.checker.check_model(exported, full_check=True)
    answer, codes = run_onnx(exported, images)
    golden = run_model(model, quantize_input(model, images))
    np.testing.assert_array_equal(codes, golden)
    np.testing.assert_array_equal(answer, model.output.decode(golden).astype(np.float32))


def test_every_operation_has_a_translation() -> None:
    assert INTEGER_OPERATIONS.keys() == OPS.keys()


@settings(max_examples=80)
@given(graphs(), st.integers(0, 2**16))
def test_onnxruntime_gives_the_golden_answer_of_random_graphs(model: CompressedModel, seed: int) -> None:
    assert_golden(model, images_of(model, 3, seed))


@settings(max_examples=60)
@given(layers(), st.integers(0, 2**16))
def test_onnxruntime_gives_the_golden_answer_of_random_layers(layer: CompressedLayer, seed: int) -> None:
    model = CompressedModel.chain((layer,))
    assert_golden(model, images_of(model, 2, seed))


@pytest.mark.parametrize("make", [branching, every_operation])
def test_onnxruntime_gives_the_golden_answer_of_graphs(make: Callable[[], CompressedModel]) -> None:
    model = make()
    assert_golden(model, images_of(model, 4, 0))


def test_onnxruntime_gives_the_golden_answer_of_the_shipped_lenet5() -> None:
    model = read_model(EXAMPLE)
    assert_golden(model, np.random.default_rng(0).random((20, 1, 28, 28), np.float32))


@pytest.mark.parametrize("kind", LayerKind)
def test_sums_beyond_the_integers_of_float32_are_exact(kind: LayerKind) -> None:
    levels = np.random.default_rng(1).choice([-128, 127, 128], (3, 2000, 1, 1)).astype(np.int16)
    levels[0] = 128
    layer = CompressedLayer(
        name="wide",
        kind=kind,
        levels=levels,
        weight_bits=8,
        interval=1.0,
        bias=np.array([-(2**31), 3, 2**31 - 1], np.int32),
        input_shape=(2000, 1, 1),
        requantization=Requantization(511, 32),
        input_scale=1.0,
        output_scale=1.0,
    )
    model = CompressedModel.chain((layer,))
    images = np.random.default_rng(2).integers(200, 256, (8, *model.input.shape)).astype(np.float32)
    assert_golden(model, images)


def test_one_model_gives_one_sequence_of_bytes(model: CompressedModel, tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        save_onnx(model, tmp_path / name)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
