"""An ONNX file's graph, checked before anything is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, checker, helper, numpy_helper

from compress.base.errors import CodesignError
from compress.exchange.onnx_files.graph_builder import QONNX_DOMAIN

__all__ = ["array_of", "attributes_of", "read_graph", "sample_shape"]

QONNX_DOMAINS = frozenset({QONNX_DOMAIN, "onnx.brevitas", "finn.custom_op.general"})
OLDEST_OPSET = 9
LARGEST_FILE = (1 << 31) - 1
EXPORT_AGAIN = "export the file again"


def read_graph(path: Path) -> ModelProto:
    """The file's model; CodesignError if it is missing, damaged, too large or in a dialect that is not read."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise CodesignError(f"{path} is larger than 2 GiB, which no ONNX file is", EXPORT_AGAIN)
        content = path.read_bytes()
    except OSError as error:
        raise CodesignError(f"cannot read {path}: {error.strerror}", "name an ONNX file") from error
    loaded = ModelProto()
    try:
        loaded.ParseFromString(content)
    except DecodeError as error:
        raise CodesignError(f"{path} is damaged or not an ONNX file", EXPORT_AGAIN) from error
    _check_dialect(loaded, str(path))
    try:
        checker.check_model(loaded)
    except (checker.ValidationError, ValueError) as error:
        told = str(error).strip().splitlines() or ["it is no valid model"]
        raise CodesignError(f"{path} is damaged or not an ONNX file: {told[0]}", EXPORT_AGAIN) from error
    return loaded


def _check_dialect(loaded: ModelProto, path: str) -> None:
    if not loaded.graph.node:
        raise CodesignError(f"{path} has no operations or is no ONNX file", EXPORT_AGAIN)
    versions = {entry.domain: entry.version for entry in loaded.opset_import}
    opset = versions.get("", versions.get("ai.onnx", 0))
    if opset < OLDEST_OPSET:
        raise CodesignError(
            f"{path} uses the operators of opset {opset}, {OLDEST_OPSET} is the oldest that is read",
            "convert it with onnx.version_converter",
        )
    for node in loaded.graph.node:
        if node.domain not in QONNX_DOMAINS | {"", "ai.onnx"}:
            raise CodesignError(
                f"{path}: {node.name or node.op_type!r} is an operator of the unknown domain {node.domain!r}",
                "export the network with standard and QONNX operators",
            )
    for tensor in loaded.graph.initializer:
        _check_inside(tensor)


def _check_inside(tensor: TensorProto) -> None:
    if tensor.data_location == TensorProto.EXTERNAL:
        raise CodesignError(
            f"the file keeps its weights in other files, {tensor.name!r} among them",
            "write one file: onnx.save(onnx.load(FILE), NEW, save_as_external_data=False)",
        )


def array_of(tensor: TensorProto) -> NDArray[Any]:
    """A constant's numbers; CodesignError if they are not in the file or do not fit its shape."""
    _check_inside(tensor)
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise CodesignError(f"the constant {tensor.name!r} is damaged: {error}", EXPORT_AGAIN) from error


def attributes_of(node: NodeProto) -> dict[str, Any]:
    """A node's attributes as Python values, text decoded."""
    values = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    return {
        name: value.decode(errors="replace") if isinstance(value, bytes) else value for name, value in values.items()
    }


def sample_shape(value: ValueInfoProto) -> tuple[int, ...]:
    """The shape of the graph's input without the batch; CodesignError unless every other size is stated."""
    sizes = value.type.tensor_type.shape.dim
    shape = tuple(size.dim_value if size.HasField("dim_value") else 0 for size in sizes)[1:]
    if not shape or min(shape) < 1:
        stated = ", ".join(size.dim_param or str(size.dim_value or "?") for size in sizes)
        raise CodesignError(
            f"the input {value.name!r} has the shape ({stated}): sizes other than the batch are not stated",
            "export the network for images of one size",
        )
    return shape
