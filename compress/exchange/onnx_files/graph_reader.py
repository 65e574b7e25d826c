"""From a checked ONNX graph to the integer model: node by node, each tensor is what ``values`` has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto

from compress.base.errors import CodesignError
from compress.exchange.onnx_files.address_nodes import ADDRESS_NODES, AVERAGE_NODES
from compress.exchange.onnx_files.constants import CONSTANT_NODES, constant, quantized_constant
from compress.exchange.onnx_files.functions import FUNCTIONS, arithmetic
from compress.exchange.onnx_files.layer_nodes import batch_norm, conv, folded_arithmetic, gemm, matmul, norm_of
from compress.exchange.onnx_files.model_builder import ModelBuilder, table_of
from compress.exchange.onnx_files.node import NO_QUANTIZER, OnnxNode
from compress.exchange.onnx_files.quantizer_nodes import BIPOLAR, QUANTIZERS, quantizer_of
from compress.exchange.onnx_files.reader import array_of, attributes_of, sample_shape
from compress.exchange.onnx_files.values import Coded, Images, LayerSums, Sums, Table, Value, Weights
from compress.model.activation import FEWEST_BITS, MOST_BITS
from compress.model.compressed_model import CompressedModel

__all__ = ["read_model_of"]

ARITHMETIC = {"Add": "aten.add.Tensor", "Sub": "aten.sub.Tensor", "Mul": "aten.mul.Tensor", "Div": ""}
LAYERS: Mapping[str, Callable[[OnnxNode], LayerSums]] = {"Conv": conv, "Gemm": gemm, "MatMul": matmul}


def read_model_of(graph: GraphProto, provenance: dict[str, str]) -> CompressedModel:
    """The integer model of a graph with QONNX's quantizers; CodesignError naming the first node that cannot be kept."""
    values: dict[str, Value] = {tensor.name: array_of(tensor) for tensor in graph.initializer}
    images = [value for value in graph.input if value.name not in values]
    if len(images) != 1 or len(graph.output) != 1:
        raise CodesignError(
            f"the graph has {len(images)} inputs and {len(graph.output)} outputs", "export a network with one of each"
        )
    values[images[0].name] = Images(sample_shape(images[0]))
    reader = _Reader(values, ModelBuilder(_widest(graph)))
    for place, node in enumerate(graph.node):
        reader.read(node, place)
    answer = values[graph.output[0].name]
    if not isinstance(answer, Coded):
        raise CodesignError("the network's answer has no quantizer", "put an IntQuant of 8 bits behind its last layer")
    if reader.builder.input is None:
        raise CodesignError("the images have no quantizer", "put an IntQuant of 8 bits behind the input")
    nodes = reader.builder.live_nodes(answer.node)
    return CompressedModel(reader.builder.input, nodes, answer.node, dict(provenance))


def _widest(graph: GraphProto) -> int:
    """Bits of the widest quantizer of activations, which all activations get."""
    constants = {tensor.name: array_of(tensor) for tensor in graph.initializer}
    known, widest, any_quantizer = set(constants), FEWEST_BITS, False
    for node in graph.node:
        if node.op_type == "Constant":
            constants |= {
                node.output[0]: constant(OnnxNode(node.name or node.output[0], "Constant", (), attributes_of(node)))
            }
        if all(name in known for name in node.input):
            known.update(node.output)
        elif node.op_type in QUANTIZERS:
            any_quantizer = True
            place = 5 if node.op_type == "Trunc" and len(node.input) > 5 else QUANTIZERS[node.op_type]
            if place and place < len(node.input) and node.input[place] in constants:
                bits = constants[node.input[place]].reshape(-1)
                widest = max(widest, int(bits[0]) if bits.size and np.isfinite(bits[0]) else 0)
    if not any_quantizer:
        qdq = any(node.op_type == "QuantizeLinear" for node in graph.node)
        raise CodesignError(
            "the network has no quantizers of activations (IntQuant, Quant, BipolarQuant or Trunc)",
            "convert QuantizeLinear and DequantizeLinear with qonnx's QCDQToQuant first"
            if qdq
            else "export it from Brevitas, or run `codesign run` on the PyTorch network with `network.weights`",
        )
    if widest > MOST_BITS:
        raise CodesignError(f"activations have up to {widest} bits", f"quantize them to {MOST_BITS} bits or fewer")
    return widest


class _Reader:
    def __init__(self, values: dict[str, Value], builder: ModelBuilder) -> None:
        self.values, self.builder = values, builder

    def read(self, proto: NodeProto, place: int) -> None:
        """Give the node's result a value."""
        name = proto.name or f"{proto.op_type}_{place}"
        inputs = tuple(self.values.get(each) if each else None for each in proto.input)
        node = OnnxNode(name, proto.op_type, inputs, attributes_of(proto))
        missing = [each for each in proto.input if each and each not in self.values]
        if missing or not proto.output:
            raise node.refuse(f"reads {missing[0] if missing else 'and gives nothing'!r}", "export the graph in order")
        try:
            self.values[proto.output[0]] = self._value(node)
        except CodesignError as error:
            if repr(node.name) in error.cause:
                raise
            raise node.refuse(f"cannot be kept: {error.cause}", error.next_step) from None

    def _value(self, node: OnnxNode) -> Value:
        first = node.inputs[0] if node.inputs else None
        if node.op_type in ("Identity", "Dropout") and first is not None:
            return self._same(node, first)
        if node.op_type in QUANTIZERS:
            return self._quantized(node, first)
        if all(isinstance(value, np.ndarray | Weights | None) for value in node.inputs):
            return self._constant(node)
        if node.op_type in LAYERS:
            return LAYERS[node.op_type](node)
        if node.op_type in ADDRESS_NODES:
            operands = tuple(node.coded(place) for place in range(len(node.inputs) if node.op_type == "Concat" else 1))
            return self.builder.add(node, ADDRESS_NODES[node.op_type](node), *operands)
        if node.op_type in AVERAGE_NODES:
            return AVERAGE_NODES[node.op_type](node)
        if node.op_type == "BatchNormalization":
            return batch_norm(node, first) if isinstance(first, LayerSums) and not first.relu else self._norm(node)
        if node.op_type in ARITHMETIC:
            return self._arithmetic(node)
        if node.op_type in FUNCTIONS:
            return self._function(node, first)
        raise node.refuse("is an operator that the integer graph has not", "use one of those in docs/import.md")

    def _same(self, node: OnnxNode, value: Value) -> Value:
        if node.op_type == "Dropout" and (training := node.optional(2)) is not None and training.any():
            raise node.refuse("drops activations, as in training", "export the network in evaluation mode")
        return value

    def _constant(self, node: OnnxNode) -> Value:
        if node.op_type not in CONSTANT_NODES:
            raise node.refuse("computes a constant", "fold constants first, for example by qonnx's FoldConstants")
        return CONSTANT_NODES[node.op_type](node)

    def _quantized(self, node: OnnxNode, value: Value | None) -> Value:
        quantizer = quantizer_of(node)
        if isinstance(value, np.ndarray):
            return quantized_constant(node, value, quantizer)
        if (quantizer.rounding == BIPOLAR or node.op_type == "Trunc") and not isinstance(value, Table | Coded):
            raise node.refuse("reads numbers that have no quantizer of more bits", "put an IntQuant before it")
        return self.builder.quantize(node, value, quantizer)

    def _norm(self, node: OnnxNode) -> Sums:
        coded = node.coded()
        factors, constants = norm_of(node)
        if not len(factors) == len(constants) == coded.type.shape[0]:
            raise node.refuse(f"has {len(factors)} channels for {coded.type.shape}", "export it again")
        arguments = {"factor": factors.tolist(), "offset": constants.tolist()}
        return Sums("codesign.affine.default", (coded,), arguments, coded.type.shape)

    def _arithmetic(self, node: OnnxNode) -> Value:
        first, second = node.inputs[0], node.inputs[1]
        if isinstance(first, Coded) and isinstance(second, Coded):
            if not ARITHMETIC[node.op_type]:
                raise node.refuse("divides two activations", "use another operation")
            try:
                shape = np.broadcast_shapes(first.type.shape, second.type.shape)
            except ValueError:
                raise node.refuse(f"reads {first.type.shape} and {second.type.shape}", "give both one shape") from None
            arguments = {} if node.op_type == "Mul" else {"alpha": 1}
            return Sums(ARITHMETIC[node.op_type], (first, second), arguments, shape)
        value, numbers = (first, second) if isinstance(second, np.ndarray) else (second, first)
        if not isinstance(numbers, np.ndarray):
            raise node.refuse("reads numbers without a quantizer", NO_QUANTIZER)
        if isinstance(value, LayerSums):
            return folded_arithmetic(node, value, numbers)
        if isinstance(value, Coded | Table) and numbers.size == 1 and numbers.ndim <= _rank(value):
            table = table_of(value) if isinstance(value, Coded) else value
            number = np.float32(numbers.reshape(-1)[0])
            return _checked(node, table, arithmetic(node, table.values, number, value is first))
        raise node.refuse("computes with constants of many numbers, or without a quantizer", NO_QUANTIZER)

    def _function(self, node: OnnxNode, value: Value | None) -> Value:
        if isinstance(value, LayerSums | Sums) and node.op_type == "Relu":
            return replace(value, relu=True)
        if isinstance(value, Coded | Table):
            table = table_of(value) if isinstance(value, Coded) else value
            return _checked(node, table, FUNCTIONS[node.op_type](node, table.values))
        raise node.refuse("reads numbers that have no quantizer", NO_QUANTIZER)


def _rank(value: Coded | Table) -> int:
    """Axes with the batch."""
    return 1 + len((value if isinstance(value, Coded) else value.operand).type.shape)


def _checked(node: OnnxNode, table: Table, values: NDArray[np.float32]) -> Table:
    if not np.isfinite(values).all():
        raise node.refuse("gives numbers that are infinite or NaN", "use a function that is finite on its codes")
    return Table(table.operand, np.asarray(values, np.float32))
