from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from PIL import Image

from benchmarks.compression.pictures import draw_pictures


def test_the_curve_has_one_marker_a_step_and_a_dot_a_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[list[float]] = []
    plot = Axes.plot

    def noting(axes: Axes, x: Any, *arguments: Any, **style: Any) -> object:
        drawn.append(list(x) if isinstance(x, list) else [x])
        return plot(axes, x, *arguments, **style)

    monkeypatch.setattr(Axes, "plot", noting)
    ratios = ((0, (179.0, 300.0)), (1, (181.0, 302.0)))
    results = [
        {"network": "lenet5", "method": "admm", "seed": seed, "pruning_ratio": ratio, "test_accuracy": 0.99}
        for seed, steps in ratios
        for ratio in steps
    ]
    record = {"iteration": 0, "rho": 1.0, "training_loss": 0.1, "validation_accuracy": 0.9}
    residual = {"constraint": "fc1", "primal": 1.0, "dual": 1.0, "size": 2.0}
    epoch = {"epoch": 0, "training_loss": 0.1, "validation_loss": 0.1, "validation_accuracy": 0.9}
    training = {"170x": {"admm": [{**record, "residuals": [residual]}], "retraining": [epoch]}}
    details = {"training": training, "histograms": []}
    draw_pictures(results, {"lenet5-seed0": details, "lenet5-seed1": None}, tmp_path / "page")
    assert [180.0, 301.0] in drawn
    assert sum(x in ([179.0], [181.0], [300.0], [302.0]) for x in drawn) == 4
    for name in ("curve", "residuals", "losses", "weights"):
        with Image.open(tmp_path / "page" / f"{name}.png") as picture:
            assert picture.width > 300
