"""A compressed model as QONNX: real numbers with ``IntQuant`` wherever the integer model rounds."""

from __future__ import annotations

from pathlib import Path

from onnx import ModelProto, TensorProto

from compress.base.files import write_bytes
from compress.exchange.onnx_files.addresses import ADDRESSES
from compress.exchange.onnx_files.embedded_model import embed
from compress.exchange.onnx_files.graph_builder import GraphBuilder
from compress.exchange.onnx_files.integer_file import ANSWER, IMAGES
from compress.exchange.onnx_files.operands import Operands
from compress.exchange.onnx_files.quantizers import quantize
from compress.exchange.onnx_files.real_layer import real_layer
from compress.exchange.onnx_files.real_operations import REAL_OPERATIONS
from compress.model.compressed_model import INPUT, CompressedModel, Node
from compress.model.layer import CompressedLayer

__all__ = ["qonnx_graph", "qonnx_tensors", "save_qonnx"]


def save_qonnx(model: CompressedModel, path: Path) -> None:
    """Write ``qonnx_graph``. The file appears whole or not at all, and one model gives one sequence of bytes."""
    write_bytes(path, embed(model, qonnx_graph(model)).SerializeToString(deterministic=True))


def qonnx_graph(model: CompressedModel) -> ModelProto:
    """A graph from ``images`` to ``answer``, real float32 (1, ...).

    It computes what the integer model approximates: the requantizers' multipliers and the biases are rounded there,
    and a QONNX quantizer rounds half to even, not up. Given the same operands, a node's codes differ by one at
    most from the golden model's.
    """
    return qonnx_tensors(model)[0]


def qonnx_tensors(model: CompressedModel) -> tuple[ModelProto, dict[str, str]]:
    """``qonnx_graph``, and the name of the tensor that holds each of the model's nodes, and ``INPUT``."""
    graph = GraphBuilder()
    tensors = {INPUT: quantize(graph, IMAGES, model.input)}
    for node in model.nodes:
        graph.prefix = node.name
        tensors[node.name] = _translate(graph, node, model, tensors)
    graph.prefix = ""
    graph.node("Identity", tensors[model.answer], output=ANSWER)
    exported = graph.model(
        {IMAGES: (TensorProto.FLOAT, (1, *model.input.shape))}, {ANSWER: (TensorProto.FLOAT, (1, *model.output.shape))}
    )
    return exported, tensors


def _translate(graph: GraphBuilder, node: Node, model: CompressedModel, tensors: dict[str, str]) -> str:
    names = tuple(tensors[name] for name in node.inputs)
    if isinstance(node.op, CompressedLayer):
        return real_layer(graph, node.op, names[0])
    types = tuple(model.activations[name] for name in node.inputs)
    result = REAL_OPERATIONS[node.op.KIND](graph, node.op, Operands(names, types, 0))
    return result if node.op.KIND in ADDRESSES else quantize(graph, result, model.activations[node.name])
