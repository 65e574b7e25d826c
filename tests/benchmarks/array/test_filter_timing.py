"""The drawn timing shows what the array did."""

from __future__ import annotations

from collections import Counter

from benchmarks.array.filter_timing import CONFIG, cells, draw, example, trace
from sim.mapping.cycles import Chain, layer_cycles


def test_every_token_is_drawn_once_and_the_cycles_are_the_models() -> None:
    packed = example()
    cycles = trace(packed)
    assert len(cycles) == layer_cycles(packed.plan, Chain.of(CONFIG))
    found = list(cells(cycles, CONFIG.rows))
    for row, tokens_k in enumerate(packed.plan.tokens_rk.tolist()):
        ran = Counter(cell.filter for cell in found if cell.line == f"row {row} sum" and not cell.waits)
        assert [ran[filter_] for filter_ in range(4)] == tokens_k
    results = [(cell.filter, cell.note) for cell in found if cell.line == "results"]
    assert results == [(filter_, lanes) for filter_ in range(4) for lanes in ("0,2", "1,3")]
    assert draw(found, len(cycles)).axes
