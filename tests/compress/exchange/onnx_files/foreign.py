"""QONNX files as other tools write them: of Brevitas's networks TFC and CNV, and of single operations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.random import Generator
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from compress.exchange.onnx_files.importer import load_onnx
from compress.model.compressed_model import CompressedModel

DOMAIN = "qonnx.custom_op.general"


class Foreign:
    """A graph built with onnx.helper alone."""

    def __init__(self, shape: tuple[int, ...], opset: int = 14) -> None:
        self.shape, self.opset, self.version = shape, opset, 1
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.last = "global_in"

    def constant(self, values: Any, kind: Any = np.float32) -> str:
        name = f"param_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    def node(self, op_type: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Of the last result and further inputs."""
        name = f"{op_type}_{len(self.nodes)}"
        reads, gives = (self.last, *inputs), [f"{name}_out"]
        self.nodes.append(helper.make_node(op_type, reads, gives, name, domain=domain, **attributes))
        self.last = f"{name}_out"
        return self.last

    def quant(
        self, scale: Any, bits: int, signed: int = 0, zero_point: int = 0, of: str = "", **attributes: Any
    ) -> str:
        numbers = [self.constant(number) for number in (scale, zero_point, bits)]
        members = {"signed": signed, "narrow": 0, "rounding_mode": "ROUND", **attributes}
        reads = (f"={of}", *numbers) if of else numbers
        return self.node("Quant", *reads, domain=DOMAIN, **members)

    def weights(self, values: NDArray[Any], scale: Any, bits: int) -> str:
        """The quantized constant, without becoming the last result."""
        before, self.last = self.last, self.constant(values)
        if bits == 1:
            name = self.node("BipolarQuant", self.constant(scale), domain=DOMAIN)
        else:
            name = self.quant(scale, bits, signed=1, narrow=1)
        self.last = before
        return name

    def batch_norm(self, random: Generator, channels: int, alike: bool = False) -> None:
        gamma = np.full(channels, 0.7) if alike else random.uniform(0.7, 1.3, channels)
        numbers = (gamma, random.normal(0, 0.2, channels), random.normal(0, 0.2, channels), np.ones(channels))
        self.node("BatchNormalization", *(self.constant(each) for each in numbers))

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "foreign",
            [helper.make_tensor_value_info("global_in", TensorProto.FLOAT, (1, *self.shape))],
            [helper.make_tensor_value_info(self.last, TensorProto.FLOAT, [None])],
            self.constants,
        )
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(DOMAIN, self.version)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def tfc(random: Generator, weight_bits: int = 1) -> Foreign:
    """Fully connected layers with bipolar or few-bit weights, batch norms and 4-bit activations."""
    net = Foreign((1, 6, 5))
    net.quant(1 / 128, 8, signed=1)
    net.node("Reshape", net.constant([1, -1], np.int64))
    features = 30
    for filters in (16, 16):
        weights = net.weights(random.normal(size=(filters, features)), 0.3, weight_bits)
        before, net.last = net.last, weights
        transposed = net.node("Transpose", perm=[1, 0])
        net.last = before
        net.node("MatMul", transposed)
        net.batch_norm(random, filters)
        net.node("Relu")
        net.quant(0.25, 4)
        features = filters
    net.node("Gemm", net.weights(random.normal(size=(10, features)), 0.3, weight_bits), transB=1)
    net.quant(0.1, 8, signed=1)
    return net


def cnv(random: Generator) -> Foreign:
    """Convolutions with 2-bit weights, batch norms and 2-bit activations, pooling, a linear layer."""
    net = Foreign((3, 10, 10))
    net.quant(1 / 128, 8, signed=1)
    for filters, channels in ((8, 3), (8, 8)):
        weights = net.weights(random.normal(size=(filters, channels, 3, 3)), 0.4, 2)
        net.node("Conv", weights, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        net.batch_norm(random, filters)
        net.node("Relu")
        net.quant(0.8, 2)
        net.node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    net.node("Flatten")
    net.node("Gemm", net.weights(random.normal(size=(10, 32)), 0.4, 2), net.constant(random.normal(size=10)), transB=1)
    net.quant(0.1, 8, signed=1)
    return net


def residual(random: Generator) -> Foreign:
    """A residual block: a sum of two signed activations, an average pool, a linear layer without a ReLU."""
    net = Foreign((4, 6, 6))
    block = net.quant(0.05, 8)
    net.node("Conv", net.weights(random.normal(size=(4, 4, 3, 3)), 0.1, 4), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    net.quant(0.06, 8, signed=1)
    net.node("Add", block)
    net.node("Relu")
    net.quant(0.07, 8)
    net.node("GlobalAveragePool")
    net.quant(0.07, 8)
    net.node("Flatten")
    net.node("Gemm", net.weights(random.normal(size=(5, 4)), 0.1, 4), transB=1)
    net.quant(0.02, 8, signed=1)
    return net


def load(model: onnx.ModelProto, folder: Path) -> CompressedModel:
    """The model of a file that is written first."""
    path = folder / "foreign.onnx"
    path.write_bytes(model.SerializeToString())
    return load_onnx(path)


def moved(op_type: str, *inputs: Any, opset: int = 14, **attributes: Any) -> Callable[[Generator], Foreign]:
    """An operator on a layer's codes, behind them their quantizer again."""

    def make(random: Generator) -> Foreign:
        net = Foreign((1, 6, 6), opset)
        net.quant(0.1, 8)
        net.node("Conv", net.weights(random.normal(size=(2, 1, 3, 3)), 0.1, 4))
        net.quant(0.1, 8)
        net.node(
            op_type, *(each if isinstance(each, str) else net.constant(each, np.asarray(each).dtype) for each in inputs)
        )
        net.nodes[-1].attribute.extend(helper.make_attribute(*each) for each in attributes.items())
        net.quant(0.1, 8)
        return net

    return make
