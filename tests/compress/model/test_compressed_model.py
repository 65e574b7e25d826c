from dataclasses import replace

import pytest

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.compressed_model import INPUT, CompressedModel, Node
from compress.model.ops.add import Add
from compress.model.ops.reshape import Reshape


def test_layers_are_found_by_name(model: CompressedModel) -> None:
    assert model.layer("fc") is model.layers[1]
    assert model.input_shape == (2, 8, 7)
    with pytest.raises(CodesignError, match="no layer 'fc2'") as error:
        model.layer("fc2")
    assert "conv, fc" in error.value.next_step


def test_layers_that_do_not_feed_each_other_are_a_clear_error(model: CompressedModel) -> None:
    conv, fc = model.layers
    for layers, cause in (
        ((), "at least one layer"),
        ((conv, replace(fc, name="conv")), "names repeat"),
        ((replace(conv, pool=None), fc), "the layer reads"),
        ((replace(conv, relu=False), fc), "signed codes"),
        ((conv, replace(fc, act_bits=7)), "activation bits"),
        ((conv, replace(fc, input_scale=0.012)), "scales"),
    ):
        with pytest.raises(CodesignError, match=cause):
            CompressedModel.chain(layers)


def _residual(*nodes: Node, answer: str = "sum") -> CompressedModel:
    return CompressedModel(Activation((2, 8, 7), 8, 1 / 255), nodes, answer)


def test_a_graph_may_branch_and_knows_every_type(model: CompressedModel) -> None:
    conv = replace(model.layers[0], pool=None)
    add = Add((1 << 10, 1 << 10), 0, 11, 8, 0.02, 0)
    graph = _residual(
        Node("conv", conv, (INPUT,)),
        Node("other", replace(conv, name="other"), (INPUT,)),
        Node("sum", add, ("conv", "other")),
    )
    assert graph.output == Activation((4, 8, 3), 8, 0.02)
    assert graph.activations["conv"] == Activation((4, 8, 3), 8, 0.011)
    assert [node.name for node in graph.readers(INPUT)] == ["conv", "other"]
    assert [layer.name for layer in graph.layers] == ["conv", "other"]


def test_graphs_that_are_none_are_refused(model: CompressedModel) -> None:
    conv = replace(model.layers[0], pool=None)
    add, flat = Add((1 << 10, 1 << 10), 0, 11, 8, 0.02, 0), Reshape((96,))
    layer = Node("conv", conv, (INPUT,))
    for nodes, cause in (
        ((Node("sum", add, ("conv", "conv")), layer), "no node before it"),
        ((layer, Node("sum", add, ("conv",))), "reads 1 operands"),
        ((layer, Node("sum", add, ("conv", INPUT))), "'sum': add reads"),
        ((layer, Node("a", flat, ("conv",)), Node("sum", add, ("conv", "conv"))), "nothing reads 'a'"),
        ((layer, Node("a", flat, ("conv",)), Node("sum", add, ("a", "conv"))), "shapes"),
        ((Node("other", conv, (INPUT,)), Node("sum", add, ("other", "other"))), "has the layer 'conv'"),
        ((layer, Node("conv2", conv, (INPUT,))), "no node 'sum'"),
        ((Node("sum", flat, ("input",)),), "at least one layer"),
        ((layer, Node("a", flat, ()), Node("sum", add, ("conv", "a"))), "'a' reads nothing"),
    ):
        with pytest.raises(CodesignError, match=cause):
            _residual(*nodes)
