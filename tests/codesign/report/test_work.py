"""Counts of operations by who runs them."""

from __future__ import annotations

import pytest

from codesign.report.work import work_of
from tests.codesign.models import small_model
from tests.compress.model.graphs import branching


def test_every_node_of_a_graph_has_a_runner_and_its_operations() -> None:
    model = branching()
    work = work_of(model, {"pooled": False})
    runs = {row.name: (row.kind, row.runs_on, row.operations) for row in work.rows}
    kept = {layer.name: layer.nonzeros for layer in model.layers}
    assert runs == {
        "conv": ("conv2d", "array", kept["conv"] * 30),
        "depthwise": ("conv2d", "array", kept["depthwise"] * 30),
        "sum": ("add", "host", 2 * 6 * 30),
        "pooled": ("conv2d", "array", kept["pooled"] * 30),
        "pooled, pooling": ("average_pool", "host", 5 * 2 * 3 * 4),
        "flat": ("reshape", "addresses", 0),
        "fc": ("linear", "array", kept["fc"]),
    }
    host, dense = 360 + 120, sum(layer.macs for layer in model.layers)
    assert work.host_share == host / sum(row.operations for row in work.rows)
    assert work.dense_host_share == host / (host + dense)


@pytest.mark.parametrize(("pooled", "share"), [(True, 0.0), (False, 256 / (256 + 640 + 2304))])
def test_the_host_has_only_the_pooling_that_the_array_leaves_to_it(pooled: bool, share: float) -> None:
    work = work_of(small_model(density=1.0), {"conv": pooled})
    assert work.dense_host_share == pytest.approx(share)


def test_a_kind_is_summed_by_who_runs_it() -> None:
    totals = work_of(branching(), {"pooled": True}).totals
    assert [(row.kind, row.runs_on, number) for row, number in totals] == [
        ("conv2d", "array", 3),
        ("add", "host", 1),
        ("average_pool", "array", 1),
        ("reshape", "addresses", 1),
        ("linear", "array", 1),
    ]
