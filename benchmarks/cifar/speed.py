"""How fast the golden model runs ResNet-20 in integers, as a ratio to torch's float network in the same process."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.cifar.dense import dataset, dense_network
from benchmarks.results import Results
from codesign.loop.evaluate import integer_accuracy
from codesign.settings.compression import rounded_model
from compress.train.settings import torch_threads
from compress.train.training import accuracy

__all__ = ["golden_speed"]

IMAGES, ROUNDS, THREADS = 200, 5, 2


def golden_speed(results: Results) -> dict[str, Any]:
    """Images a second of both on the dense network in 8-bit levels; measured when no other job of the benchmark runs.

    The two take turns and the ratio is the median over the rounds, since what else runs on the machine slows both.
    """
    settings = {"images": IMAGES, "rounds": ROUNDS, "threads": THREADS}
    if (found := results.get(__name__, "cifar-speed", settings)) is not None:
        return found
    network, data = dense_network(), dataset()
    model, split = rounded_model(network, data, "train"), data.test.take(IMAGES)
    with torch_threads(THREADS):
        rounds = [
            (_rate(lambda: integer_accuracy(model, split)), _rate(lambda: accuracy(network, split)))
            for _ in range(ROUNDS)
        ]
    result = {
        "golden_images_per_second": median(golden for golden, _ in rounds),
        "torch_images_per_second": median(floats for _, floats in rounds),
        "ratio": median(golden / floats for golden, floats in rounds),
        **settings,
    }
    results.put(__name__, "cifar-speed", settings, result)
    return result


def _rate(work: Callable[[], float]) -> float:
    start = time.perf_counter()
    work()
    return IMAGES / (time.perf_counter() - start)
