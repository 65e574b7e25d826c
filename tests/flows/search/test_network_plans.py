"""Plans of layers on arrays of any shape, and the bounds on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from flows.search.layer_load import LayerLoad
from flows.search.network_plans import NetworkPlans
from flows.search.shapes import Shape, candidate_shapes, shape_for
from flows.synthesis.area import sram_area
from rtl.formats.dense_zeros import DenseZeros
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat
from rtl.formats.registry import FORMATS, parse_index
from sim.mapping.cycles import layer_cycles
from sim.mapping.filter_order import filter_order
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.plan import plan_layer
from tests.flows.search.layers import GENERIC, REFERENCE, SHAPES, pruned

SPARSE = REFERENCE.with_index(Fixed(4))
formats = st.sampled_from([parse_index(kind.example) for kind in FORMATS])


@st.composite
def layers(draw: st.DrawFn, name: str = "layer") -> LayerLoad:
    """Small layers of one to three groups, pooled or not."""
    groups, filters, channels = (draw(st.integers(1, 3)) for _ in range(3))
    kernel = draw(st.integers(1, 3))
    window = draw(st.sampled_from([(1, 1), (2, 2)]))
    geometry = ArrayGeometry(
        (groups * filters, channels, kernel, kernel), (groups * channels, 5, 4), groups=groups, window=window
    )
    batch = draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return LayerLoad(name, geometry, rng.random(geometry.weight_shape) < draw(st.floats(0, 1)), batch)


@settings(max_examples=50)
@given(
    layers("first"),
    layers("second"),
    st.sampled_from(candidate_shapes(3, (1, 4, 8, 16))),
    st.sampled_from([Fixed(4), DenseZeros()]),
)
def test_bounds_never_exceed_the_exact_cycles(
    first: LayerLoad, second: LayerLoad, tried: Shape, index: IndexFormat
) -> None:
    template = REFERENCE.with_index(index)
    shape = shape_for(tried, template)
    for loads in ([first], [first, second]):
        plans = NetworkPlans(loads, template)
        assert plans.least_cycles(shape) <= plans.fewest_cycles(shape) <= plans.cycles(shape)


@settings(max_examples=100)
@given(
    layers("first"),
    layers("second"),
    st.sampled_from(candidate_shapes(4, (1, 4, 8))),
    formats,
)
def test_banks_are_at_least_as_deep_as_is_known_without_a_plan(
    first: LayerLoad, second: LayerLoad, tried: Shape, index: IndexFormat
) -> None:
    template = REFERENCE.with_index(index)
    plans, shape = NetworkPlans([first, second], template), shape_for(tried, template)
    try:
        least, config = plans.least_config(shape), plans.config(shape)
    except CodesignError:  # a mask that the format cannot store
        reject()
    for member in ("weight_depth", "activation_depth", "table_depth", "bias_depth"):
        assert getattr(least, member) <= getattr(config, member)
    assert least.bias_depth == config.bias_depth
    assert sram_area(least, GENERIC) <= sram_area(config, GENERIC)


@pytest.mark.parametrize("portion", [0.0, 0.3, 0.8])
@pytest.mark.parametrize("window", [(1, 1), (2, 2)])
def test_bounds_hold_for_pooled_layers(portion: float, window: tuple[int, int]) -> None:
    layer = pruned(portion)
    layer = replace(layer, geometry=replace(layer.geometry, input_shape=(4, 7, 5), window=window))
    template = REFERENCE if portion == 0 else SPARSE
    plans = NetworkPlans([layer], template)
    for shape in {shape_for(tried, template) for tried in candidate_shapes(3, (1, 4, 8, 16))}:
        assert plans.least_cycles(shape) <= plans.cycles(shape)


@settings(max_examples=50)
@given(layers(), st.sampled_from([shape for shape in SHAPES if shape.subarrays == 1]))
def test_groups_run_one_after_the_other_in_banks_that_hold_one(layer: LayerLoad, shape: Shape) -> None:
    sizes, groups = layer.geometry.on(shape.lanes, shape.requant_lanes), layer.geometry.groups
    alone = replace(
        sizes,
        weight_shape=(layer.group_filters, *sizes.weight_shape[1:]),
        input_shape=(sizes.input_shape[0] // groups, *sizes.input_shape[1:]),
        groups=1,
    )
    masks = [mask[filter_order(mask)] for mask in np.split(layer.mask, groups)]
    rows_lanes = (shape.rows, shape.lanes, SPARSE.index, layer.batch, SPARSE.weight_bits)
    runs = [plan_layer(mask, alone, *rows_lanes) for mask in masks]
    plans = NetworkPlans([layer], SPARSE)
    assert plans.cycles(shape) == sum(layer_cycles(run, shape.chain) for run in runs)
    assert plans.config(shape).weight_depth == max(run.depths.weight_depth for run in runs)
    assert plans.most_weights == max(int(mask.sum()) for mask in masks)


@given(layers(), st.sampled_from([shape for shape in SHAPES if shape.subarrays > 1]))
def test_a_layer_takes_subarrays_only_where_they_are_faster(layer: LayerLoad, shape: Shape) -> None:
    plans = NetworkPlans([layer], SPARSE)
    assert plans.cycles(shape) <= plans.cycles(replace(shape, subarrays=1))


@settings(max_examples=20)
@given(layers("first"), layers("second"), st.sampled_from(SHAPES))
def test_a_network_takes_the_time_and_the_deepest_banks_of_its_layers(
    first: LayerLoad, second: LayerLoad, shape: Shape
) -> None:
    both, alone = NetworkPlans([first, second], SPARSE), [NetworkPlans([load], SPARSE) for load in (first, second)]
    assert both.cycles(shape) == sum(plans.cycles(shape) * (both.samples // plans.samples) for plans in alone)
    assert both.layer_cycles(shape) == alone[0].layer_cycles(shape) | alone[1].layer_cycles(shape)
    for member in ("weight_depth", "activation_depth", "table_depth", "bias_depth"):
        depths = [getattr(plans.config(shape), member) for plans in alone]
        assert getattr(both.config(shape), member) == max(depths)
