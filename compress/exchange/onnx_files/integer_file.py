"""A compressed model as plain ONNX: integer arithmetic in which runtimes agree with the golden model, code by code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto

from compress.base.files import write_bytes
from compress.exchange.onnx_files.embedded_model import embed
from compress.exchange.onnx_files.graph_builder import GraphBuilder
from compress.exchange.onnx_files.integer_layer import integer_layer
from compress.exchange.onnx_files.integer_operations import INTEGER_OPERATIONS
from compress.exchange.onnx_files.operands import Operands
from compress.model.activation import Activation
from compress.model.compressed_model import INPUT, CompressedModel, Node
from compress.model.layer import CompressedLayer

__all__ = ["ANSWER", "CODES", "IMAGES", "integer_graph", "save_onnx"]

IMAGES, ANSWER, CODES = "images", "answer", "codes"


def save_onnx(model: CompressedModel, path: Path) -> None:
    """Write ``integer_graph``. The file appears whole or not at all, and one model gives one sequence of bytes."""
    write_bytes(path, embed(model, integer_graph(model)).SerializeToString(deterministic=True))


def integer_graph(model: CompressedModel) -> ModelProto:
    """A graph from ``images``, real float32 (N, ...), to ``answer``, real float32, and its ``codes``, int32.

    Tensors hold codes as float32. Sums of products are computed in float32, which holds them exactly, and all else in
    int64. So a runtime that computes what ONNX says gives ``run_model(model, quantize_input(model, images))``.
    """
    graph = GraphBuilder()
    tensors = {INPUT: _encode(graph, model.input)}
    for node in model.nodes:
        graph.prefix = node.name
        tensors[node.name] = _translate(graph, node, model, tensors)
    graph.prefix = ""
    answer = model.output
    _decode(graph, answer, tensors[model.answer])
    return graph.model(
        {IMAGES: (TensorProto.FLOAT, ("N", *model.input.shape))},
        {ANSWER: (TensorProto.FLOAT, ("N", *answer.shape)), CODES: (TensorProto.INT32, ("N", *answer.shape))},
    )


def _translate(graph: GraphBuilder, node: Node, model: CompressedModel, tensors: dict[str, str]) -> str:
    names = tuple(tensors[name] for name in node.inputs)
    if isinstance(node.op, CompressedLayer):
        return integer_layer(graph, node.op, names[0])
    types = tuple(model.activations[name] for name in node.inputs)
    return INTEGER_OPERATIONS[node.op.KIND](graph, node.op, Operands(names, types, types[0].zero_point))


def _encode(graph: GraphBuilder, images: Activation) -> str:
    """``Activation.encode`` of float32 numbers."""
    quotients = graph.node("Div", IMAGES, graph.constant("scale", np.float32(images.scale)))
    shifted = graph.node(
        "Add", graph.node("Round", quotients), graph.constant("zero_point", np.float32(images.zero_point))
    )
    bounds = (graph.constant("bound", np.float32(bound)) for bound in (images.lowest, images.highest))
    return graph.node("Clip", shifted, *bounds)


def _decode(graph: GraphBuilder, answer: Activation, codes: str) -> None:
    """``Activation.decode``, computed in double precision, and the codes themselves."""
    doubles = graph.cast(codes, TensorProto.DOUBLE)
    centred = graph.node("Sub", doubles, graph.constant("zero_point", np.float64(answer.zero_point)))
    real = graph.node("Mul", centred, graph.constant("scale", np.float64(answer.scale)))
    graph.node("Cast", real, output=ANSWER, to=TensorProto.FLOAT)
    graph.node("Cast", codes, output=CODES, to=TensorProto.INT32)
