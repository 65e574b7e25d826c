"""An ONNX graph that grows node by node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

__all__ = ["OPSET", "QONNX_DOMAIN", "GraphBuilder"]

OPSET = 17
IR_VERSION = 8
QONNX_DOMAIN = "qonnx.custom_op.general"
QONNX_VERSION = 1


class GraphBuilder:
    """Nodes, constants and sizes of one ONNX graph.

    ``prefix`` is the name of the model's node that is being translated: tensors are called after it.
    """

    def __init__(self) -> None:
        self.prefix = ""
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, TensorProto] = {}
        self._annotations: list[tuple[str, str]] = []
        self._names: set[str] = set()

    def node(self, op_type: str, *inputs: str, domain: str = "", output: str = "", **attributes: Any) -> str:
        """The name of a new node's only result, ``output`` if it is given."""
        name = output or self._fresh(op_type.lower())
        self._nodes.append(helper.make_node(op_type, list(inputs), [name], name, domain=domain, **attributes))
        return name

    def constant(self, kind: str, values: NDArray[Any] | np.generic) -> str:
        """The name of a new constant."""
        name = self._fresh(kind)
        self._constants[name] = numpy_helper.from_array(np.asarray(values), name)
        return name

    def integers(self, kind: str, values: Iterable[int]) -> str:
        """The name of a new int64 vector: shapes, axes, borders."""
        return self.constant(kind, np.array(list(values), np.int64))

    def cast(self, operand: str, to: int) -> str:
        """The operand in another type, a ``TensorProto`` one."""
        return self.node("Cast", operand, to=to)

    def annotate_sparsity(self, constant: str, text: str) -> None:
        """State a constant's sparsity as QONNX does."""
        self._annotations.append((constant, text))

    def model(
        self, inputs: Mapping[str, tuple[int, tuple[Any, ...]]], outputs: Mapping[str, tuple[int, tuple[Any, ...]]]
    ) -> ModelProto:
        """The whole model; inputs and outputs are (type, shape with the batch) by the names of their tensors."""
        graph = helper.make_graph(
            self._nodes,
            "codesign",
            [helper.make_tensor_value_info(name, *about) for name, about in inputs.items()],
            [helper.make_tensor_value_info(name, *about) for name, about in outputs.items()],
            list(self._constants.values()),
        )
        self._add_annotations(graph)
        domains = {node.domain for node in self._nodes} - {""}
        versions = [helper.make_opsetid("", OPSET), *(helper.make_opsetid(name, QONNX_VERSION) for name in domains)]
        return helper.make_model(graph, opset_imports=versions, ir_version=IR_VERSION, producer_name="codesign")

    def _add_annotations(self, graph: GraphProto) -> None:
        for name, text in self._annotations:
            annotation = graph.quantization_annotation.add()
            annotation.tensor_name = name
            annotation.quant_parameter_tensor_names.add(key="tensor_sparsity", value=text)

    def _fresh(self, kind: str) -> str:
        base = f"{self.prefix}.{kind}" if self.prefix else kind
        name, number = base, 1
        while name in self._names:
            number += 1
            name = f"{base}{number}"
        self._names.add(name)
        return name
