"""The integer model that grows while an ONNX graph is read."""

from __future__ import annotations

from typing import Any

import numpy as np

from compress.base.errors import CodesignError
from compress.exchange.onnx_files.channel_factors import with_factors
from compress.exchange.onnx_files.node import NO_QUANTIZER, OnnxNode
from compress.exchange.onnx_files.quantizer_nodes import Quantizer
from compress.exchange.onnx_files.values import Average, Coded, Images, LayerSums, Sums, Table, Value
from compress.model.activation import Activation
from compress.model.compressed_model import INPUT, Node
from compress.model.geometry import ConvGeometry
from compress.model.layer import CompressedLayer, LayerKind
from compress.model.ops.lookup import Lookup
from compress.model.ops.op import Call, Op
from compress.model.ops.registry import op_of_target

__all__ = ["ModelBuilder", "table_of"]


class ModelBuilder:
    """Nodes so far, and the quantizing of what is computed between them.

    Parameters
    ----------
    bits : 4..8
        Of every activation: the widest quantizer's. Codes of a narrower one are kept in its range by a lookup.
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.input: Activation | None = None
        self.nodes: list[Node] = []
        self._names = {INPUT}

    def add(self, node: OnnxNode, op: CompressedLayer | Op, *operands: Coded, name: str = "") -> Coded:
        """The codes of a new node; CodesignError naming it if its operands do not fit."""
        name = name or self.name_for(node.name)
        try:
            result = op.output(tuple(operand.type for operand in operands))
        except CodesignError as error:
            raise node.refuse(f"cannot be kept: {error.cause}", error.next_step) from None
        self._names.add(name)
        self.nodes.append(Node(name, op, tuple(operand.node for operand in operands)))
        return Coded(name, result)

    def name_for(self, wanted: str) -> str:
        """The name, or one like it that is not taken."""
        name, number = wanted, 1
        while name in self._names:
            number += 1
            name = f"{wanted}_{number}"
        return name

    def live_nodes(self, answer: str) -> tuple[Node, ...]:
        """The nodes that the answer needs."""
        needed = {answer}
        for node in reversed(self.nodes):
            if node.name in needed:
                needed.update(node.inputs)
        return tuple(node for node in self.nodes if node.name in needed)

    def quantize(self, node: OnnxNode, value: Value | None, quantizer: Quantizer) -> Coded:
        """The codes of what a quantizer rounds."""
        match value:
            case Table():
                return self.look_up(node, value, quantizer)
            case Coded():
                return self.look_up(node, table_of(value), quantizer)
        if quantizer.rounding not in ("ROUND", "HALF_EVEN"):
            raise node.refuse(f"rounds by {quantizer.rounding}", "use the rounding mode ROUND")
        if isinstance(value, Average):
            return self._average(node, value, quantizer)
        shape = self._shape(node, value)
        result = quantizer.activation(shape, self.bits)
        coded = self._computed(node, value, result, quantizer.highest - quantizer.lowest + 1)
        lowest, highest = (number + quantizer.offset(self.bits) for number in (quantizer.lowest, quantizer.highest))
        relu = isinstance(value, LayerSums | Sums) and value.relu
        return self._clamp(node, coded, max(lowest, result.zero_point) if relu else lowest, highest)

    def look_up(self, node: OnnxNode, table: Table, quantizer: Quantizer) -> Coded:
        """A function of codes and its quantizer: exactly, as a table of codes."""
        operand = table.operand
        result = quantizer.activation(operand.type.shape, self.bits)
        codes = quantizer.integers(table.values) + quantizer.offset(self.bits)
        if (result.scale, result.zero_point) == (operand.type.scale, operand.type.zero_point) and np.array_equal(
            codes, np.arange(len(codes))
        ):
            return operand
        return self.add(node, Lookup(tuple(codes.tolist()), result.bits, result.scale, result.zero_point), operand)

    def _shape(self, node: OnnxNode, value: Value | None) -> tuple[int, ...]:
        match value:
            case Images() | Sums():
                return value.shape
            case LayerSums():
                return layer_shape(node, value)
        raise node.refuse("quantizes what is no activation", NO_QUANTIZER)

    def _computed(self, node: OnnxNode, value: Any, result: Activation, codes: int) -> Coded:
        if isinstance(value, Images):
            if self.input is not None:
                raise node.refuse("is the second quantizer of the images", "quantize them once")
            self.input = result
            return Coded(INPUT, result)
        if isinstance(value, LayerSums):
            layer = self._layer(node, value, result, codes)
            return self.add(node, layer, value.operand, name=layer.name)
        types = tuple(operand.type for operand in value.operands)
        shapes = tuple(given.shape for given in types)
        call = Call(node.name, value.target, (), value.arguments, value.shape, shapes)
        op = op_of_target(value.target)
        assert op is not None
        return self.add(node, op.lower(call, types, result), *value.operands)

    def _layer(self, node: OnnxNode, sums: LayerSums, result: Activation, codes: int) -> CompressedLayer:
        try:
            return with_factors(sums, self.name_for(sums.name), result, codes)
        except CodesignError as error:
            raise node.refuse(f"cannot be kept: {error.cause}", error.next_step) from None

    def _average(self, node: OnnxNode, average: Average, quantizer: Quantizer) -> Coded:
        """The operations' averages keep scale and zero point: another quantizer behind them is refused."""
        given = average.operand.type
        result = quantizer.activation(given.shape, self.bits)
        if (result.scale, result.zero_point) != (given.scale, given.zero_point):
            raise node.refuse(
                f"averages numbers of the scale {given.scale:g} and zero point {given.zero_point} to "
                f"{result.scale:g} and {result.zero_point}",
                "give the average the quantizer of its operand",
            )
        coded = self.add(node, average.op, average.operand)
        offset = quantizer.offset(self.bits)
        return self._clamp(node, coded, quantizer.lowest + offset, quantizer.highest + offset)

    def _clamp(self, node: OnnxNode, coded: Coded, lowest: int, highest: int) -> Coded:
        """The codes kept within a range, by a lookup where it is narrower than their bits."""
        kind = coded.type
        table = tuple(np.clip(np.arange(1 << kind.bits), lowest, highest).tolist())
        if table == tuple(range(1 << kind.bits)):
            return coded
        return self.add(node, Lookup(table, kind.bits, kind.scale, kind.zero_point), coded)


def layer_shape(node: OnnxNode, sums: LayerSums) -> tuple[int, ...]:
    """What a layer gives for one sample."""
    filters, channels, rows, columns = sums.levels.shape
    if sums.kind is LayerKind.LINEAR:
        return (filters,)
    given = sums.operand.type.shape
    if len(given) != 3:
        raise node.refuse(f"quantizes a convolution of {given}", "give it a map (C, H, W)")
    return ConvGeometry(
        (filters, channels, rows, columns), (given[0], given[1], given[2]), **sums.geometry
    ).output_shape


def table_of(coded: Coded) -> Table:
    """The codes' own numbers, in QONNX's single precision."""
    codes = np.arange(1 << coded.type.bits) - coded.type.zero_point
    return Table(coded, np.asarray(codes.astype(np.float32) * np.float32(coded.type.scale), np.float32))
