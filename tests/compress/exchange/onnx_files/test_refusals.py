"""Files that are not read, each told by the name of what cannot be kept."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.random import Generator
from onnx import helper, numpy_helper

from compress.base.errors import CodesignError
from compress.exchange.onnx_files.embedded_model import KEY
from compress.exchange.onnx_files.importer import load_onnx
from compress.exchange.onnx_files.qonnx_file import qonnx_graph
from tests.compress.exchange.onnx_files.foreign import Foreign, cnv, load, moved, residual
from tests.compress.model.graphs import branching


def _plain(random: Generator) -> Foreign:
    net = Foreign((1, 4, 4))
    net.node("Conv", net.constant(random.normal(size=(2, 1, 3, 3))))
    return net


def _float_weights(random: Generator) -> Foreign:
    net = Foreign((1, 4, 4))
    net.quant(0.1, 8)
    net.node("Conv", net.constant(random.normal(size=(2, 1, 3, 3))))
    net.quant(0.1, 8)
    return net


def _open_end(random: Generator) -> Foreign:
    net = Foreign((1, 4, 4))
    net.quant(0.1, 8)
    net.node("Conv", net.weights(random.normal(size=(2, 1, 3, 3)), 0.1, 4))
    return net


def _wide(random: Generator) -> Foreign:
    net = _open_end(random)
    net.quant(0.1, 16)
    return net


def _unknown(random: Generator) -> Foreign:
    net = Foreign((1, 4, 4))
    net.quant(0.1, 8)
    net.node("InstanceNormalization", net.constant([1]), net.constant([0]))
    return net


def _uneven(random: Generator) -> Foreign:
    net = Foreign((2, 4, 4))
    net.quant(0.1, 8)
    net.node("Conv", net.weights(random.normal(size=(2, 2, 3, 3)), np.array([0.1, 0.00037]).reshape(2, 1, 1, 1), 8))
    net.quant(0.01, 8)
    return net


def _other_domain(random: Generator) -> Foreign:
    net = Foreign((1, 4, 4))
    net.node("Mystery", domain="com.example")
    return net


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (_plain, "no quantizers of activations"),
        (_float_weights, "'Conv_1'.*weights without a quantizer"),
        (_open_end, "answer has no quantizer"),
        (_wide, "up to 16 bits"),
        (_unknown, "'InstanceNormalization_1'.*operator that the integer graph has not"),
        (_uneven, "'Quant_3'.*factors"),
        (_other_domain, "unknown domain 'com.example'"),
        (lambda random: Foreign((1, 4, 4)), "no operations"),
    ],
)
def test_what_cannot_be_kept_is_told_by_name(make: Callable[[Generator], Foreign], told: str, tmp_path: Path) -> None:
    with pytest.raises(CodesignError, match=told) as caught:
        load(make(np.random.default_rng(0)).model(), tmp_path)
    assert "foreign.onnx" in caught.value.cause
    assert caught.value.next_step


def _rounded(behind: str, mode: str, bits: int = 8, zero_point: int = 0) -> Callable[[Generator], Foreign]:
    """A quantizer of another rounding mode behind a layer or an average of its codes."""

    def make(random: Generator) -> Foreign:
        net = Foreign((1, 6, 6))
        net.quant(0.1, 8)
        net.node("Conv", net.weights(random.normal(size=(2, 1, 3, 3)), 0.1, 4))
        if behind == "average":
            net.quant(0.1, 8)
            net.node("GlobalAveragePool")
        net.quant(0.1, bits, signed=int(bits == 1), zero_point=zero_point, rounding_mode=mode)
        return net

    return make


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (moved("Dropout", np.float32(0.5), np.array(True)), "'Dropout_4'.*drops activations"),
        (moved("BatchNormalization", *np.ones((4, 2), np.float32), training_mode=1), "'Batch.*training_mode = 1"),
        (moved("MaxPool", kernel_shape=[3, 3], pads=[2, 2, 2, 2]), r"'MaxPool_4'.*padding \(2, 2\)"),
        (moved("Transpose", perm=[0, -1, 1, 2]), "'Transpose_4'.*order"),
        (moved("Slice", opset=9, starts=[0], ends=[1], axes=[1]), "'Slice_4'.*lacks its input 2"),
        (moved("Mul", np.ones((1,) * 5, np.float32)), "'Mul_4'.*constants"),
        (moved("Pad", np.zeros(8, np.int64), "", np.arange(4), opset=18), "'Pad_4'.*axis 0"),
        (_rounded("average", "FLOOR"), "'Quant_5'.*rounds by FLOOR"),
        (_rounded("layer", "CEIL"), "'Quant_3'.*rounds by CEIL"),
        (_rounded("layer", "BIPOLAR"), "'Quant_3'.*rounds by 'BIPOLAR'"),
        (_rounded("layer", "ROUND", bits=1), "'Quant_3'.*no quantizer of more bits"),
        (_rounded("average", "ROUND", bits=1, zero_point=1), "'Quant_5'.*one signed bit and a zero point"),
    ],
)
def test_operators_that_mean_something_else_are_told_by_name(
    make: Callable[[Generator], Foreign], told: str, tmp_path: Path
) -> None:
    with pytest.raises(CodesignError, match=told):
        load(make(np.random.default_rng(0)).model(), tmp_path)


def test_a_layers_sums_and_a_constant_of_more_axes_are_told(tmp_path: Path) -> None:
    net = Foreign((1, 6, 6))
    net.quant(0.1, 8)
    net.node("Conv", net.weights(np.ones((2, 1, 3, 3)), 0.1, 4))
    net.node("Add", net.constant(np.ones((1,) * 5)))
    net.quant(0.1, 8)
    with pytest.raises(CodesignError, match=r"'Add_3'.*shape \(1, 1, 1, 1, 1\)"):
        load(net.model(), tmp_path)


def test_bits_that_are_computed_are_told(tmp_path: Path) -> None:
    net = residual(np.random.default_rng(0))
    wide = net.constant(8)
    for node in [node for node in net.nodes if node.op_type == "Quant" and node.input[3] != wide]:
        net.nodes.insert(0, helper.make_node("Identity", [node.input[3]], [f"{node.name}_bits"]))
        node.input[3] = f"{node.name}_bits"
    with pytest.raises(CodesignError, match="bits are computed"):
        load(net.model(), tmp_path)


def test_a_constant_in_another_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(bytes(16))
    net = residual(np.random.default_rng(0))
    outside = numpy_helper.from_array(np.zeros(4, np.float32), "outside")
    onnx.external_data_helper.set_external_data(outside, "weights.bin")
    outside.ClearField("raw_data")
    net.nodes.insert(0, helper.make_node("Constant", [], ["outside"], value=outside))
    with pytest.raises(CodesignError, match="in other files"):
        load(net.model(), tmp_path)


def test_dynamic_sizes_are_told(tmp_path: Path) -> None:
    model = residual(np.random.default_rng(0)).model()
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    with pytest.raises(CodesignError, match="sizes other than the batch are not stated"):
        load(model, tmp_path)


def test_an_old_opset_is_told(tmp_path: Path) -> None:
    with pytest.raises(CodesignError, match="opset 7"):
        load(Foreign.model(_old()), tmp_path)


def _old() -> Foreign:
    net = residual(np.random.default_rng(0))
    net.opset = 7
    return net


def test_weights_in_other_files_are_told(tmp_path: Path) -> None:
    path = tmp_path / "outside.onnx"
    onnx.save(cnv(np.random.default_rng(0)).model(), path, save_as_external_data=True, size_threshold=0)
    with pytest.raises(CodesignError, match="weights in other files"):
        load_onnx(path)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"PK\3\4 no model", b"\x08\x07"])
def test_what_is_no_onnx_file_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file.onnx").write_bytes(content)
    with pytest.raises(CodesignError, match="onnx"):
        load_onnx(tmp_path / "file.onnx")


@pytest.mark.parametrize("text", ["", "no base64", base64.b64encode(zlib.compress(bytes(1 << 28))).decode()])
def test_what_is_embedded_must_be_a_model_of_the_graphs_size(text: str, tmp_path: Path) -> None:
    exported = qonnx_graph(branching())
    exported.metadata_props.add(key=KEY, value=text)
    with pytest.raises(CodesignError, match=r"the model inside .* is (damaged|truncated or too large)"):
        load(exported, tmp_path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(CodesignError, match="cannot read"):
        load_onnx(tmp_path / "none.onnx")
