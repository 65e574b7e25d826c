"""From torch's record of a network to calls: no identities, constants or aliases are left."""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, fx, nn

from compress.base.errors import CodesignError
from compress.model.compressed_model import INPUT
from compress.model.ops.op import Call
from compress.networks.capture.aliases import DROPOUTS, Aliases
from compress.networks.capture.arguments import Arguments, read_arguments
from compress.networks.capture.captured import LAYER, CapturedLayer, CapturedNetwork
from compress.networks.capture.constants import AFFINE, after, by_constant, normalization
from compress.networks.capture.export import BATCH, Exported, export
from compress.networks.capture.layer_calls import LAYER_TARGETS, captured_layer
from compress.networks.capture.names import Names
from compress.networks.layers import prunable_layers

__all__ = ["capture"]

IDENTITIES = frozenset(
    f"aten.{name}.default" for name in ("contiguous", "clone", "alias", "detach", "lift_fresh_copy", "positive")
)
CASTS = frozenset({"aten.to.dtype", "aten.to.dtype_layout", "aten.to.device"})
PARTS = frozenset({"aten.chunk.default", "aten.split.Tensor", "aten.split_with_sizes.default", "aten.split.sizes"})
WITH_PLACES = frozenset({"aten.adaptive_max_pool2d.default", "aten.max_pool2d_with_indices.default"})
"""Give a maximum and where it was."""

ARITHMETIC = frozenset(
    f"aten.{name}.{overload}"
    for name in ("add", "sub", "mul", "div", "add_", "sub_", "mul_", "div_", "rsub")
    for overload in ("Tensor", "Scalar")
)
BATCH_NORM = "aten.batch_norm.default"
PERMUTE = "aten.permute.default"


def capture(network: nn.Module, input_shape: tuple[int, ...]) -> CapturedNetwork:
    """What a network computes in evaluation, whatever its branches; it may be on torch's meta device.

    Parameters
    ----------
    input_shape : (C, H, W)
        Of one image.

    Raises
    ------
    CodesignError
        What ``export`` raises; a layer that runs twice or never; a ``forward`` that mixes samples, works in place on a
        part of a tensor, or drops activations in evaluation. Operations that no integer model has are not refused here.
    """
    exported = export(network, input_shape)
    reader = _Reader(network, exported, input_shape)
    for node in exported.graph.nodes:
        if node.op == "call_function":
            reader.read(node)
    return reader.finish()


class _Reader:
    """Goes through torch's operations and keeps the calls, and what each of torch's nodes has become."""

    def __init__(self, network: nn.Module, exported: Exported, input_shape: tuple[int, ...]) -> None:
        self._network, self._exported, self._input_shape = network, exported, input_shape
        self._calls: dict[str, Call] = {}
        self._layers: dict[str, CapturedLayer] = {}
        self._norms: dict[str, str] = {}
        self._norm_modules: set[str] = set()
        self._constants: dict[fx.Node, Tensor] = {}
        self._results: dict[fx.Node, str] = {}
        self._parts: dict[fx.Node, tuple[Call, int, tuple[int, ...]]] = {}
        self._aliases = Aliases()
        self._names = Names(network)
        for node in exported.graph.find_nodes(op="placeholder"):
            if str(node.target) == exported.images:
                self._results[node] = INPUT
            else:
                self._constants[node] = exported.constants[str(node.target)]

    def read(self, node: fx.Node) -> None:
        if node.target is operator.getitem:
            self._read_part(node)
            return
        if not isinstance(node.target, torch._ops.OpOverload):
            raise CodesignError(f"{node.name!r} ({node.target}) is no tensor operation", "leave it out of forward()")
        if not node.target._schema.returns:  # an assertion
            return
        arguments = read_arguments(node)
        tensors = [operand for operands in arguments.operands.values() for operand in operands]
        if any(operand not in self._results and operand not in self._constants for operand in tensors):
            raise CodesignError(f"{node.name!r} reads where a maximum was", "read the maximum alone")
        if not any(operand in self._results for operand in tensors):
            self._fold(node)
            return
        self._aliases.check(node)
        self._results[node] = self._result(node, arguments)
        if (changed := self._aliases.changed(node)) is not None:
            self._results |= dict.fromkeys(self._aliases.same_as(changed), self._results[node])

    def _fold(self, node: fx.Node) -> None:
        """An operation on constants alone is a constant."""
        assert isinstance(node.target, torch._ops.OpOverload)
        changed = self._aliases.changed(node)
        if changed is not None and (name := self._exported.parameters.get(str(changed.target))) is not None:
            raise CodesignError(f"forward() changes {name!r} in evaluation", "compute without changing buffers")
        if torch.Tag.nondeterministic_seeded in node.target.tags:
            raise CodesignError(
                f"{node.name!r} ({node.target}) draws random numbers in evaluation too: the network is random",
                "draw them only where self.training",
            )
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda source: self._constants[source])
        self._constants[node] = node.target(*args, **kwargs)

    def _result(self, node: fx.Node, arguments: Arguments) -> str:
        """The name of the call that gives the node's result."""
        call = self._call(node, arguments)
        if call.target in IDENTITIES or (call.target in CASTS and node.meta["val"].dtype is torch.float32):
            return call.inputs[0]
        if call.target in DROPOUTS:
            if call.arguments["train"] and call.arguments["p"] != 0:
                raise CodesignError(
                    f"{call.name!r} drops activations in evaluation too: the network is random",
                    "write functional.dropout(x, p, training=self.training), or use nn.Dropout",
                )
            return call.inputs[0]
        if call.target in WITH_PLACES:
            return self._add(call)
        if call.target in PARTS:
            self._parts[node] = (call, int(call.arguments["dim"]), self._sizes(node))
            return call.name
        _check_samples_apart(node, call)
        if call.target in LAYER_TARGETS:
            return self._add_layer(call, arguments)
        return self._add(self._without_constants(node, call, arguments))

    def _call(self, node: fx.Node, arguments: Arguments) -> Call:
        names = self._activations(arguments)
        shapes = tuple(self._shape(name) for name in names)
        target = str(node.target)
        own = self._names.wanted(node) if target in LAYER_TARGETS else self._names.of(node)
        value = node.meta.get("val")
        value = value[0] if isinstance(value, tuple) and target in WITH_PLACES else value
        shape = tuple(int(size) for size in value.shape[1:]) if isinstance(value, Tensor) else ()
        return Call(own, target, names, arguments.others, shape, shapes)

    def _activations(self, arguments: Arguments) -> tuple[str, ...]:
        operands = [each for group in arguments.operands.values() for each in group]
        return tuple(self._results[operand] for operand in operands if operand in self._results)

    def _shape(self, name: str) -> tuple[int, ...]:
        return self._input_shape if name == INPUT else self._calls[name].shape

    def _without_constants(self, node: fx.Node, call: Call, arguments: Arguments) -> Call:
        constants = {
            name: self._constants[operands[0]]
            for name, operands in arguments.operands.items()
            if operands[0] in self._constants
        }
        if any(len(each) > 1 and not self._constants.keys().isdisjoint(each) for each in arguments.operands.values()):
            raise call.refuse("has no integer operation: it joins constants to activations", "join activations alone")
        if call.target == BATCH_NORM:
            self._note_norm(node, call, arguments)
            return normalization(call, constants)
        number = call.arguments.get("other")
        if isinstance(number, int | float) and not isinstance(number, bool) and call.target in ARITHMETIC:
            return by_constant(call, number, first=False)
        if not constants:
            return call
        if len(constants) > 1 or len(call.inputs) != 1:
            raise call.refuse(
                f"has no integer operation: it computes with {', '.join(constants)}",
                "use Conv2d, Linear or BatchNorm",
            )
        ((name, constant),) = constants.items()
        return by_constant(call, constant, first=name == "self")

    def _note_norm(self, node: fx.Node, call: Call, arguments: Arguments) -> None:
        """A normalization is known by its module, which must do that call and nothing else."""
        (mean,) = arguments.operands.get("running_mean", (None,))
        name = self._exported.parameters.get(str(mean.target), "") if mean is not None else ""
        module = name.rpartition(".")[0]
        if module in self._norm_modules:
            raise CodesignError(f"{module!r} runs twice", "give each place in the network a normalization of its own")
        if module:
            self._norm_modules.add(module)
        if module and module == self._names.caller(node):  # else another module's forward uses its numbers
            self._norms[call.name] = module

    def _add(self, call: Call) -> str:
        before = self._calls.get(call.inputs[0])
        if call.target == AFFINE and before is not None and before.target == AFFINE:
            call = after(before, call)
            self._norms.pop(call.name, None)  # it does more than its module now
        self._calls[call.name] = call
        return call.name

    def _add_layer(self, call: Call, arguments: Arguments) -> str:
        names = {key: self._exported.parameters.get(str(nodes[0].target)) for key, nodes in arguments.operands.items()}
        layer = captured_layer(self._network, call, names.get("weight"), names.get("bias"))
        name = layer.geometry.name
        if name in self._layers:
            raise CodesignError(f"{name!r} runs twice", "give each place in the network a layer of its own")
        self._layers[name] = layer
        self._calls[name] = replace(call, name=name, target=LAYER, arguments={})
        return name

    def _read_part(self, node: fx.Node) -> None:
        """One of the results of a chunk or split, as a slice; or a maximum."""
        source, place = node.args
        assert isinstance(source, fx.Node)
        assert isinstance(place, int)
        if source not in self._parts:
            if place == 0:
                self._results[node] = self._results[source]
            return
        call, axis, sizes = self._parts[source]
        start = sum(sizes[:place])
        shape = tuple(int(size) for size in node.meta["val"].shape[1:])
        arguments = {"dim": axis, "start": start, "end": start + sizes[place], "step": 1}
        part = Call(self._names.of(node), "aten.slice.Tensor", call.inputs, arguments, shape, call.input_shapes)
        _check_samples_apart(node, part)
        self._aliases.view(node)
        self._results[node] = self._add(part)

    def _sizes(self, node: fx.Node) -> tuple[int, ...]:
        axis = int(read_arguments(node).others["dim"])
        return tuple(int(part.shape[axis]) for part in node.meta["val"])

    def finish(self) -> CapturedNetwork:
        (output,) = self._exported.graph.find_nodes(op="output")
        (answers,) = output.args
        if len(answers) != 1 or answers[0] not in self._results:
            raise CodesignError("forward() returns more than a tensor", "return the last layer's output alone")
        answer = self._results[answers[0]]
        calls = _needed(tuple(self._calls.values()), answer)
        names = {call.name for call in calls}
        layers = {name: layer for name, layer in self._layers.items() if name in names}
        unused = [name for name in prunable_layers(self._network) if name not in layers]
        if unused:
            raise CodesignError(
                f"the network's answer does not depend on layer {unused[0]!r}", "leave the layer out, or use it"
            )
        norms = {name: module for name, module in self._norms.items() if name in names}
        return CapturedNetwork(self._input_shape, calls, answer, layers, norms)


def _needed(calls: tuple[Call, ...], answer: str) -> tuple[Call, ...]:
    """The calls that the answer depends on."""
    needed = {answer}
    for call in reversed(calls):
        if call.name in needed:
            needed.update(call.inputs)
    return tuple(call for call in calls if call.name in needed)


def _check_samples_apart(node: fx.Node, call: Call) -> None:
    """A result without a batch axis, or with another one, mixes samples."""
    value: Any = node.meta.get("val")
    if not isinstance(value, Tensor):
        raise call.refuse(f"gives a {type(value).__name__} of results, not a tensor", "use an operation that gives one")
    if value.ndim < 2 or value.shape[0] != BATCH:
        raise call.refuse(
            f"does not give each sample a row of its own: {tuple(value.shape)} for {BATCH} samples",
            "keep the batch as axis 0",
        )
    axes = [call.arguments.get(name) for name in ("dim", "dims", "dim0", "dim1", "start_dim")]
    if call.target != PERMUTE and any(_is_batch(each, value.ndim) for each in axes):
        raise call.refuse("works along the batch", "keep the batch as axis 0")
    order = call.arguments.get("dims")
    if call.target == PERMUTE and isinstance(order, tuple) and not _is_batch(order[0], value.ndim):
        raise call.refuse("moves the batch", "keep the batch as axis 0")


def _is_batch(axis: Any, rank: int) -> bool:
    axes = axis if isinstance(axis, tuple) else (axis,)
    return any(isinstance(each, int) and each in (0, -rank) for each in axes)
