"""A folded network gives every answer that the network gave, bit by bit, and nothing more can leave it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.model.activation import Activation
from compress.model.compressed_model import INPUT, CompressedModel, Node
from compress.model.folding import absorb
from compress.model.folding.fold_constants import fold_constants
from compress.model.layer import CompressedLayer, LayerKind
from compress.model.ops.add import Add
from compress.model.ops.average_pool import AveragePool
from compress.model.ops.concat import Concat
from compress.model.ops.op import Op
from compress.model.ops.pad import Pad
from compress.model.ops.reshape import Reshape
from compress.model.ops.slice import Slice
from compress.model.pool import Pool, PoolKind
from compress.model.requantization import Requantization
from compress.storage.archive import decode_model, encode_model, read_model
from sim.golden.golden import run_model
from tests.compress.model.graphs import assert_same
from tests.compress.model.random_graphs import graphs

EXAMPLE = Path(__file__).parents[2] / "storage/lenet5-305x-version-1.packed"


def assert_folded(model: CompressedModel, seed: int = 0) -> CompressedModel:
    """Fold, and compare all that must be equal."""
    folded = fold_constants(model)
    shape = model.input_shape
    codes = np.random.default_rng(seed).integers(0, 256, (6, *shape))
    codes[0], codes[1] = 0, 255
    np.testing.assert_array_equal(run_model(folded, codes), run_model(model, codes))
    assert (folded.input, folded.output, folded.provenance) == (model.input, model.output, model.provenance)
    assert [(node.name, node.inputs) for node in folded.nodes] == [(node.name, node.inputs) for node in model.nodes]
    for after, before in zip(folded.layers, model.layers, strict=True):
        assert (after.dense_geometry, after.weights, after.macs) == (before.geometry, before.weights, before.macs)
    assert all(
        after.levels.size <= before.levels.size for after, before in zip(folded.layers, model.layers, strict=True)
    )
    return folded


@given(graphs(), st.integers(0, 2**16))
@settings(max_examples=300)
def test_no_answer_changes_and_nothing_more_can_leave(model: CompressedModel, seed: int) -> None:
    folded = assert_folded(model, seed)
    assert fold_constants(folded) is folded
    assert_same(decode_model(encode_model(folded)), folded)


def layer(name: str, levels: Any, channels: int, side: int = 4, **members: Any) -> CompressedLayer:
    """A convolution or, where the map has no side, a linear layer; each level of a filter of one weight a channel."""
    levels = np.array(levels, np.int16)
    levels = levels[:, :, None, None] if levels.ndim == 2 else levels
    defaults: dict[str, Any] = {
        "kind": LayerKind.CONV2D if side else LayerKind.LINEAR,
        "bias": np.arange(len(levels), dtype=np.int32) * 10 + 4,
        "input_shape": (channels, side or 1, side or 1),
    }
    return CompressedLayer(
        name=name,
        levels=levels,
        weight_bits=4,
        interval=0.5,
        requantization=Requantization(1, 1),
        input_scale=0.05,
        output_scale=0.05,
        **{**defaults, **members},
    )


def graph(*nodes: tuple[CompressedLayer | Op, tuple[str, ...]], channels: int = 2, side: int = 4) -> CompressedModel:
    """Nodes of the names n0, n1, ... or of their layers; the last one answers."""
    named = tuple(
        Node(op.name if isinstance(op, CompressedLayer) else f"n{number}", op, inputs)
        for number, (op, inputs) in enumerate(nodes)
    )
    return CompressedModel(Activation((channels, side, side), 8, 0.05), named, named[-1].name)


def shapes(model: CompressedModel) -> list[tuple[int, ...]]:
    return [layer.levels.shape[:2] for layer in model.layers]


HALF_EMPTY = [[1, 2], [0, 0], [3, -1], [0, 0]]


def test_a_constant_moves_into_the_bias_behind_it() -> None:
    first, second = layer("a", HALF_EMPTY, 2), layer("b", [[1, 2, 3, 4], [0, 5, 0, 0]], 4)
    folded = assert_folded(graph((first, (INPUT,)), (second, ("a",))))
    assert shapes(folded) == [(2, 2), (2, 2)]
    # The constants are (14 + 1) >> 1 = 7 and (34 + 1) >> 1 = 17.
    assert folded.layer("b").bias.tolist() == [4 + 2 * 7 + 4 * 17, 14 + 5 * 7]
    assert folded.layer("b").levels[:, :, 0, 0].tolist() == [[1, 3], [0, 0]]
    assert [(each.weights, each.nonzeros, each.macs) for each in folded.layers] == [(8, 4, 128), (8, 2, 128)]


def test_a_constant_stays_where_a_border_would_be_wrong() -> None:
    second = layer("b", np.ones((1, 4, 3, 3)), 4, padding=(1, 1))
    folded = assert_folded(graph((layer("a", HALF_EMPTY, 2), (INPUT,)), (second, ("a",))))
    assert shapes(folded) == [(4, 2), (1, 4)]


def test_a_constant_that_is_the_paddings_code_leaves() -> None:
    first = layer("a", HALF_EMPTY, 2, output_zero_point=7)
    second = layer("b", np.ones((1, 4, 3, 3)), 4, padding=(1, 1), input_zero_point=7)
    folded = assert_folded(graph((first, (INPUT,)), (second, ("a",))))
    assert shapes(folded) == [(3, 2), (1, 3)]


def test_a_fold_that_forgets_the_border_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(absorb, "_same_at_borders", lambda _, codes: np.ones(len(codes), bool))
    second = layer("b", np.ones((1, 4, 3, 3)), 4, padding=(1, 1))
    with pytest.raises(AssertionError, match="Arrays are not equal"):
        assert_folded(graph((layer("a", HALF_EMPTY, 2), (INPUT,)), (second, ("a",))))


def test_a_fold_that_forgets_the_border_is_found_among_random_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(absorb, "_same_at_borders", lambda _, codes: np.ones(len(codes), bool))

    @given(graphs())
    @settings(max_examples=300, derandomize=True, database=None)
    def check(model: CompressedModel) -> None:
        assert_folded(model)

    with pytest.raises(AssertionError, match="Arrays are not equal"):
        check()


def test_channels_without_readers_leave_with_their_filters() -> None:
    first, second = layer("a", [[1, 2], [3, 4], [5, 6]], 2), layer("b", [[0, 1, 0]], 3)
    folded = assert_folded(graph((first, (INPUT,)), (second, ("a",))))
    assert shapes(folded) == [(1, 2), (1, 1)]
    assert folded.layer("a").levels[:, :, 0, 0].tolist() == [[3, 4]]


def test_what_leaves_makes_others_leave() -> None:
    layers = (
        layer("a", [[1, 1], [1, 1]], 2),
        layer("b", [[1, 0], [0, 0]], 2),
        layer("c", [[0, 3], [0, 1]], 2),
        layer("d", [[1, 1]], 2),
    )
    folded = assert_folded(graph(*zip(layers, ((INPUT,), ("a",), ("b",), ("c",)), strict=True)))
    assert shapes(folded) == [(1, 2), (1, 1), (1, 1), (1, 1)]
    assert not any(each.levels.any() for each in folded.layers)


def test_a_sum_loses_only_channels_that_both_operands_lose() -> None:
    add = Add((512, 512), 0, 9, 8, 0.05, 0)
    first, second = layer("a", [[1, 1], [0, 0], [0, 0]], 2), layer("b", [[0, 0], [0, 0], [1, 1]], 2)
    last = layer("c", [[1, 1, 1]], 3)
    folded = assert_folded(graph((first, (INPUT,)), (second, (INPUT,)), (add, ("a", "b")), (last, ("n2",))))
    assert shapes(folded) == [(2, 2), (2, 2), (1, 2)]


def test_a_depthwise_channel_leaves_with_its_input() -> None:
    first, last = layer("a", HALF_EMPTY, 2), layer("c", [[1, 1, 1, 1]], 4)
    depthwise = layer("b", np.ones((4, 1, 2, 2)), 4, groups=4)
    folded = assert_folded(
        graph((first, (INPUT,)), (depthwise, ("a",)), (replace(last, input_shape=(4, 3, 3)), ("b",)))
    )
    assert [each.levels.shape[:2] for each in folded.layers] == [(2, 2), (2, 1), (1, 2)]
    assert folded.layer("b").groups == 2


@pytest.mark.parametrize(
    ("live", "expected", "groups", "nonzeros"),
    [((3,), [(1, 2), (2, 1), (1, 2)], 1, 2), ((0, 2), [(4, 2), (4, 2), (1, 4)], 2, 4)],
    ids=["of one group none, of the other one", "of each group one"],
)
def test_groups_leave_whole_or_not_at_all(
    live: tuple[int, ...], expected: list[tuple[int, int]], groups: int, nonzeros: int
) -> None:
    first = layer("a", [[int(channel in live)] * 2 for channel in range(4)], 2)
    grouped, last = layer("b", np.ones((4, 2)), 4, groups=2), layer("c", [[1, 1, 1, 1]], 4)
    folded = assert_folded(graph((first, (INPUT,)), (grouped, ("a",)), (last, ("b",))))
    assert shapes(folded) == expected
    assert (folded.layer("b").groups, folded.layer("b").nonzeros) == (groups, nonzeros)


def test_a_map_that_is_flattened_loses_the_features_of_its_channels() -> None:
    linear = layer("c", np.ones((3, 64)), 64, side=0, relu=False)
    folded = assert_folded(graph((layer("a", HALF_EMPTY, 2), (INPUT,)), (Reshape((64,)), ("a",)), (linear, ("n1",))))
    assert shapes(folded) == [(2, 2), (3, 32)]


def test_concatenated_and_padded_channels_leave_in_their_ranges() -> None:
    first, second = layer("a", HALF_EMPTY, 2), layer("b", HALF_EMPTY, 2)
    last = layer("c", [[1] * 11], 11)
    folded = assert_folded(
        graph(
            (first, (INPUT,)),
            (second, (INPUT,)),
            (Concat(0), ("a", "b")),
            (Pad((1, 0, 0), (2, 0, 0), 0), ("n2",)),
            (last, ("n3",)),
        )
    )
    assert shapes(folded) == [(2, 2), (2, 2), (1, 4)]
    assert folded.nodes[3].op == Pad((0, 0, 0), (0, 0, 0), 0)


def test_a_slice_keeps_channels_that_would_leave_its_steps_uneven() -> None:
    first = layer("a", [[1, 1], [0, 0], [1, 1], [1, 1], [1, 1]], 2)
    sliced = graph((first, (INPUT,)), (Slice(0, 0, 4), ("a",)), (layer("c", [[1, 1, 1, 1]], 4), ("n1",)))
    assert shapes(assert_folded(sliced)) == [(3, 2), (1, 3)]
    first = layer("a", [[1, 1], [1, 1], [0, 0], [1, 1], [1, 1]], 2)
    other = layer("d", [[1, 1, 1, 0, 0]], 5)
    stepped = graph(
        (first, (INPUT,)),
        (Slice(0, 0, 5, 2), ("a",)),
        (layer("c", [[1, 1, 1]], 3), ("n1",)),
        (replace(other, padding=(1, 1)), ("a",)),
        (Reshape((16,)), ("c",)),
        (Reshape((36,)), ("d",)),
        (Concat(0), ("n4", "n5")),
        (layer("e", np.ones((1, 52)), 52, side=0), ("n6",)),
    )
    assert_folded(stepped)


@pytest.mark.parametrize(("count_padding", "leaves"), [(False, True), (True, False)])
def test_an_average_that_counts_padding_is_no_constant(count_padding: bool, leaves: bool) -> None:
    average = AveragePool((3, 3), (1, 1), (1, 1), count_padding=count_padding)
    folded = assert_folded(
        graph((layer("a", HALF_EMPTY, 2), (INPUT,)), (average, ("a",)), (layer("b", [[1, 1, 1, 1]], 4), ("n1",)))
    )
    assert (shapes(folded) == [(2, 2), (1, 2)]) == leaves


def test_a_bias_of_more_than_32_bits_is_not_made() -> None:
    second = layer("b", [[1, 8, 1, 8]], 4, bias=np.array([2**31 - 50], np.int32))
    folded = assert_folded(graph((layer("a", HALF_EMPTY, 2), (INPUT,)), (second, ("a",))))
    assert shapes(folded) == [(4, 2), (1, 4)]


def test_pools_within_layers_keep_constants() -> None:
    pool = Pool(PoolKind.AVERAGE, (3, 3), (1, 1))
    first = layer("a", HALF_EMPTY, 2, pool=pool)
    folded = assert_folded(graph((first, (INPUT,)), (layer("b", [[1, 1, 1, 1]], 4, side=2), ("a",))))
    assert shapes(folded) == [(2, 2), (1, 2)]


def test_the_example_gets_smaller_and_says_the_same() -> None:
    model = read_model(EXAMPLE)
    folded = assert_folded(model)
    assert shapes(folded) == [(14, 1), (23, 14), (58, 368), (10, 58)]
    assert len(encode_model(folded)) < len(encode_model(model))
