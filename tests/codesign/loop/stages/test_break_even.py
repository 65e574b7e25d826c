from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from codesign.loop.figures import BreakEvenResult
from codesign.loop.file_names import NETWORK
from codesign.loop.inputs import Work
from codesign.loop.stages import break_even
from codesign.loop.stages.break_even import BreakEvenSettings, run
from codesign.settings.data import Data
from codesign.settings.hardware import HardwareSection
from codesign.settings.layers import WeightBits
from codesign.settings.network_file import NetworkSource
from flows.search.array_choice import ArrayChoice
from flows.search.break_even import BreakEvenCurve, BreakEvenPoint
from flows.technology.technology import generic_technology
from tests.codesign.loop.stages.conftest import GiveInputs

PORTIONS = (0.5, 0.9)


class Bench:
    """Stands for the search of arrays; is interrupted at its ``stop``-th curve."""

    def __init__(self, stop: int = 0) -> None:
        self.layers: list[str] = []
        self.stop = stop

    def __call__(self, layer: Any, masks: Any, reference: Any, technology: Any, formats: Any, portions: Any) -> Any:
        self.layers.append(layer.name)
        if len(self.layers) == self.stop:
            raise KeyboardInterrupt
        kept = [int(masks(portion).sum()) for portion in portions]
        assert kept == [np.ceil(layer.mask.size * (1 - p)) for p in portions] or layer.mask.size % 2
        array = ArrayChoice(reference, 900.0, 500.0, 400.0, 30.0, "pe", {layer.name: sum(kept)}, float(sum(kept)))
        points = (BreakEvenPoint(portions[0], None, None), BreakEvenPoint(portions[1], array, 2.0))
        names = tuple(map(str, formats))
        return BreakEvenCurve(layer.name, names, 1000.0, "GE", "FO4", BreakEvenPoint(0.0, array, 1.0), points)


@pytest.fixture
def settings(network: NetworkSource, data: Data, monkeypatch: pytest.MonkeyPatch) -> BreakEvenSettings:
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # no other process, which would not know the bench
    hardware = HardwareSection(rows=2, lanes=4, indices=["fixed3"])
    return BreakEvenSettings(network, data, hardware, generic_technology(), WeightBits(4), PORTIONS)


def measure(bench: Bench, settings: BreakEvenSettings, inputs: GiveInputs, work: Work) -> BreakEvenResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(break_even, "break_even_curve", bench)
        return run(inputs(NETWORK), settings, work)


def test_every_layer_has_its_curve_in_the_networks_order(
    trained: None, settings: BreakEvenSettings, inputs: GiveInputs, work: Work
) -> None:
    result = measure(Bench(), settings, inputs, work)
    assert [curve.layer for curve in result.curves] == ["0", "5"]
    assert [point.speedup for point in result.curves[0].points] == [None, 2.0]
    assert result.technology.area_unit == "GE"
    result.write(work.folder)
    assert BreakEvenResult.read(work.folder) == result


def test_curves_that_are_measured_survive_an_interruption(
    trained: None, settings: BreakEvenSettings, inputs: GiveInputs, work: Work
) -> None:
    undisturbed = Bench()
    expected = measure(undisturbed, settings, inputs, Work(work.folder, work.scratch, type(work.parts)(work.scratch)))
    stopped, further = Bench(stop=2), Bench()
    with pytest.raises(KeyboardInterrupt):
        measure(stopped, settings, inputs, work)
    assert measure(further, settings, inputs, work) == expected
    assert further.layers == undisturbed.layers[1:]
    again = Bench()
    assert measure(again, settings, inputs, work) == expected
    assert again.layers == []


def test_other_portions_are_measured_anew(
    trained: None, settings: BreakEvenSettings, inputs: GiveInputs, work: Work
) -> None:
    measure(Bench(), settings, inputs, work)
    other = Bench()
    measure(other, BreakEvenSettings(**{**vars(settings), "portions": (0.25, 0.75)}), inputs, work)
    assert len(other.layers) == 2
