from typing import Any

from benchmarks.compression.points import points_of


def entry(method: str, seed: int, ratio: float) -> dict[str, Any]:
    return {"method": method, "seed": seed, "pruning_ratio": ratio}


def test_seeds_meet_at_the_same_step_whatever_their_ratios() -> None:
    entries = [
        entry("admm", 0, 179.8),
        entry("admm+quantize", 0, 179.8),
        entry("admm", 0, 255.0),
        entry("admm", 1, 180.8),
        entry("admm+quantize", 1, 180.8),
        entry("admm", 1, 255.6),
    ]
    ratios = [[found["pruning_ratio"] for found in point] for point in points_of(entries)]
    assert ratios == [[179.8, 180.8], [179.8, 180.8], [255.0, 255.6]]
    assert points_of([]) == []
