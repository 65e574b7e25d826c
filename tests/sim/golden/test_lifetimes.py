"""Values are kept as long as they are read, and no longer."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from compress.model.activation import Activation, Codes
from compress.model.compressed_model import INPUT, CompressedModel, Node
from compress.model.layer import CompressedLayer
from compress.model.ops.add import Add
from sim.golden.golden import node_values, run_layer, run_model
from sim.golden.lifetimes import last_read, live_elements
from tests.drawn import draw_levels, make_layer

ADD = Add((1 << 9, -(1 << 8)), 1 << 11, 9, 8, 1.0, 0)


@st.composite
def graphs(draw: st.DrawFn) -> CompressedModel:
    """A convolution of the images, then sums of any two earlier values until nothing is left unread."""
    conv = make_layer(draw_levels((2, 2, 3, 3), 4, 0.5, 1), 4, 3, 4, name="conv", padding=(1, 1))
    nodes = [Node("conv", conv, (INPUT,))]
    names = [INPUT, "conv"]
    unread = ["conv"]
    for number in range(draw(st.integers(0, 5))):
        inputs = (draw(st.sampled_from(names)), draw(st.sampled_from(names)))
        nodes.append(Node(f"sum{number}", ADD, inputs))
        unread = [name for name in [*unread, f"sum{number}"] if name not in inputs]
        names.append(f"sum{number}")
    while len(unread) > 1:
        name = f"end{len(nodes)}"
        nodes.append(Node(name, ADD, (unread[0], unread[1])))
        unread = [*unread[2:], name]
    return CompressedModel(Activation((2, 3, 4), 8, 1.0), tuple(nodes), unread[0])


def images(model: CompressedModel) -> Codes:
    return np.random.default_rng(0).integers(0, 256, (2, *model.input_shape)).astype(np.int16)


@given(graphs())
def test_a_walk_that_keeps_only_what_is_read_answers_as_one_that_keeps_all(model: CompressedModel) -> None:
    kept: dict[str, Codes] = {INPUT: images(model)}
    for node in model.nodes:
        operands = [kept[name] for name in node.inputs]
        if isinstance(node.op, CompressedLayer):
            kept[node.name] = run_layer(node.op, operands[0].astype(np.uint8))
        else:
            kept[node.name] = node.op.run(*operands)
    for node, operands, codes in node_values(model, kept[INPUT]):
        np.testing.assert_array_equal(codes, kept[node.name])
        assert len(operands) == len(node.inputs)
    np.testing.assert_array_equal(run_model(model, kept[INPUT]), kept[model.answer])


@given(graphs())
def test_every_value_but_the_answer_is_read_last_once(model: CompressedModel) -> None:
    order = [node.name for node in model.nodes]
    read = last_read(model)
    assert list(read) == order
    assert sorted(name for names in read.values() for name in names) == sorted({INPUT, *order} - {model.answer})
    for reader, names in read.items():
        later = {name for node in model.nodes[order.index(reader) + 1 :] for name in node.inputs}
        assert not later & set(names)


@given(graphs())
def test_live_elements_are_those_of_the_values_read_now_or_later(model: CompressedModel) -> None:
    order = [INPUT, *(node.name for node in model.nodes)]
    for place, node in enumerate(model.nodes):
        earlier = order[: place + 1]
        read = {name for each in model.nodes[place:] for name in each.inputs if name in earlier}
        size = math.prod(model.input_shape)
        assert live_elements(model)[node.name] == size * len({*read, node.name})
