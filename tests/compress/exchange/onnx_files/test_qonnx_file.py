from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

from compress.exchange.onnx_files.integer_file import ANSWER, IMAGES
from compress.exchange.onnx_files.qonnx_file import qonnx_graph, qonnx_tensors
from compress.exchange.onnx_files.quantizers import level_bits
from compress.exchange.onnx_files.real_operations import REAL_OPERATIONS
from compress.model.activation import Activation
from compress.model.compressed_model import INPUT, CompressedModel, Node
from compress.model.layer import CompressedLayer
from compress.model.ops.registry import OPS
from compress.storage.archive import read_model
from sim.golden.golden import quantize_input, run_layer, run_model
from tests.compress.model.graphs import branching
from tests.compress.model.random_graphs import every_operation, graphs

EXAMPLE = Path(__file__).parents[4] / "examples/lenet5-305x.packed"
Tensors = dict[str, Any]


def run_qonnx(exported: onnx.ModelProto, image: NDArray[np.float32]) -> Tensors:
    """Every tensor, computed by QONNX's own reference."""
    model = ModelWrapper(exported).transform(InferShapes())
    tensors: Tensors = execute_onnx(model, {IMAGES: image}, return_full_exec_context=True)
    return tensors


def codes_of(activation: Activation, real: NDArray[np.float32]) -> NDArray[np.int16]:
    codes = np.rint(real.astype(np.float64) / activation.scale) + activation.zero_point
    return codes.astype(np.int16)


def run_node(node: Node, operands: list[NDArray[np.int16]]) -> NDArray[np.int16]:
    op = node.op
    if isinstance(op, CompressedLayer):
        codes = operands[0].reshape(len(operands[0]), *op.input_shape).astype(np.uint8)
        return run_layer(op, codes, pooled=True).reshape(len(codes), *op.gives)
    return op.run(*operands)


def assert_each_node_is_off_by_one_at_most(model: CompressedModel, seed: int) -> None:
    image = model.input
    codes = np.random.default_rng(seed).integers(image.lowest, image.highest + 1, (1, *image.shape)).astype(np.int16)
    exported, names = qonnx_tensors(model)
    onnx.checker.check_model(exported)
    tensors = run_qonnx(exported, image.decode(codes).astype(np.float32))
    found = {name: codes_of(model.activations[name], tensors[tensor]) for name, tensor in names.items()}
    np.testing.assert_array_equal(found[INPUT], codes)
    for node in model.nodes:
        golden = run_node(node, [found[name] for name in node.inputs])
        assert found[node.name].shape == golden.shape
        assert np.abs(found[node.name] - golden).max() <= 1, node.name


def test_every_operation_has_a_translation() -> None:
    assert REAL_OPERATIONS.keys() == OPS.keys()


@settings(max_examples=25, deadline=None)
@given(graphs(), st.integers(0, 2**16))
def test_each_node_of_random_graphs_is_off_by_one_at_most(model: CompressedModel, seed: int) -> None:
    assert_each_node_is_off_by_one_at_most(model, seed)


def test_each_node_of_graphs_is_off_by_one_at_most() -> None:
    assert_each_node_is_off_by_one_at_most(branching(), 0)
    assert_each_node_is_off_by_one_at_most(every_operation(), 0)


def test_the_shipped_lenet5_answers_as_in_integers() -> None:
    model = read_model(EXAMPLE)
    exported = qonnx_graph(model)
    images = np.random.default_rng(0).random((4, 1, 28, 28), np.float32)
    golden = run_model(model, quantize_input(model, images))
    for image, expected in zip(images, golden, strict=True):
        answer = codes_of(model.output, run_qonnx(exported, image[None])[ANSWER])[0]
        assert np.abs(answer - expected).max() <= 2
        assert answer.argmax() == expected.argmax()


def test_weights_are_dense_with_their_sparsity_annotated() -> None:
    model = read_model(EXAMPLE)
    exported = ModelWrapper(qonnx_graph(model))
    for layer in model.layers:
        weights = exported.get_initializer(f"{layer.name}.weight")
        np.testing.assert_array_equal(np.rint(weights / layer.interval).reshape(layer.levels.shape), layer.levels)
        sparsity = exported.get_tensor_sparsity(f"{layer.name}.weight")["unstructured"]
        assert sparsity == {"zeros": layer.levels.size - layer.nonzeros, "elements": layer.levels.size}


@pytest.mark.parametrize(
    ("levels", "bits"),
    [([0, 0], 2), ([-1, 1], 2), ([-2, 1], 2), ([-2, 2], 3), ([-4, 3], 3), ([-4, 4], 4), ([-128, 128], 9), ([0, 1], 2)],
)
def test_the_fewest_signed_bits_hold_the_levels(levels: list[int], bits: int) -> None:
    assert level_bits(np.array(levels, np.int16)) == bits
