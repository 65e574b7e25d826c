"""Shares of loading of small layers, and what the table and the goals say of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.array.goals import judged
from benchmarks.array.loading import array_loading
from benchmarks.array.loading_tables import loading
from flows.search.layer_load import LayerLoad
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from sim.mapping.geometry import ArrayGeometry


@pytest.fixture(scope="module")
def entries() -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    geometry = ArrayGeometry((8, 6, 3, 3), (6, 9, 9))
    loads = [LayerLoad(name, geometry, rng.random(geometry.weight_shape) < 0.5) for name in ("one", "two")]
    config = ArrayConfig(2, 4, 4, index=Fixed(4))
    dense = config.with_index(Dense())
    return [
        {"array": name, **entry}
        for name, array, layers in (("sparse", config, loads), ("dense", dense, [load.dense() for load in loads]))
        for entry in array_loading(layers, array)
    ]


def test_a_second_buffer_hides_loads_and_costs_memory(entries: list[dict[str, Any]]) -> None:
    for one, two, small in (entries[:3], entries[3:]):
        assert (one["buffers"], two["buffers"], small["buffers"]) == (1, 2, 2)
        assert one["cycles_busy"] == two["cycles_busy"]
        assert two["share_of_loading"] < 0.5 * one["share_of_loading"]
        assert one["area_added"] == one["logic_added"] == 0
        assert 0 < two["logic_added"] < 0.2
        assert two["sram_area_ge"] > small["sram_area_ge"]
        assert small["runs"] > two["runs"] == 2


def test_the_page_and_the_goals_tell_the_shares(entries: list[dict[str, Any]]) -> None:
    text = loading(entries)
    assert all(f"{entry['share_of_loading']:.3f}" in text for entry in entries)
    result: Any = {name: [] for name in ("networks", "layers", "widths", "area", "bits_over_entropy", "rtl")}
    lines = {line["name"]: line for line in judged({**result, "loading": entries})}
    share = next(line for name, line in lines.items() if name.startswith("share of loading"))
    assert (share["value"], share["must"], share["goal"]) == (entries[1]["share_of_loading"], 0.15, 0.05)
    assert lines["area of double buffering"]["value"] == entries[1]["area_added"]


def test_without_a_measurement_nothing_is_judged() -> None:
    result: Any = {name: [] for name in ("networks", "layers", "widths", "area", "bits_over_entropy", "rtl", "loading")}
    lines = [line for line in judged(result) if "loading" in line["name"] or "buffering" in line["name"]]
    assert [line["verdict"] for line in lines] == ["not measured", "not measured"]
    assert "Not run" in loading([])
