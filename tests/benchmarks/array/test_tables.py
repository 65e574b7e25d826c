from __future__ import annotations

from typing import Any

import pytest

from benchmarks.array.goals import judged
from benchmarks.array.tables import page
from benchmarks.array.widths import GENERIC


def _layer(mask: str, density: float, product: float, **changes: Any) -> dict[str, Any]:
    entry = {
        "name": "conv4",
        "density": density,
        "density_asked": density,
        "mask": mask,
        "format": "rice7",
        "weight_bits": 8,
        "rows": 4,
        "lanes": 16,
        "weights": 1000,
        "nonzeros": int(1000 * density),
        "macs_dense": 1000,
        "cycles_dense": 2000.0,
        "cycles_sparse": 2000 * density / product,
        "speedup": product / density,
        "speedup_times_density": product,
        "dense_utilization": 0.88,
        "bits_dense": 8000,
        "bits_sparse": 13_000 * density,
        "formats": {"rice7": {"cycles": 1.0}, "decompress": {"cycles": 2000.0}, "nm2of4": {"refused": "three"}},
        "groups": 2,
        "rtl_equals_golden": None,
        "model_equals_rtl": None,
        "simulated_cycles_per_second": None,
        "rtl_note": "not simulated",
    }
    return {**entry, **changes}


def _trained() -> dict[str, Any]:
    entry = _rtl() | _layer("trained", 0.005, 0.1, name="lenet5:fc1")
    del entry["density_asked"]
    return entry | {"rtl_equals_golden": True, "model_equals_rtl": True, "simulated_cycles_per_second": 5000.0}


def _rtl(**changes: Any) -> dict[str, Any]:
    entry = {
        "name": "conv4",
        "mask": "random",
        "format": "rice7",
        "rows": 4,
        "lanes": 16,
        "outputs_compared": 64_896,
        "mismatches": 0,
        "first_mismatch": "",
        "rtl_equals_golden": True,
        "model_equals_rtl": True,
        "cycles_rtl": 1000,
        "cycles_model": 1000,
        "simulated_cycles": 200_000,
        "seconds": 42.0,
        "simulated_cycles_per_second": 5000.0,
        "model_speed_ratio": 4000.0,
        "plan_and_model_speed_ratio": 40.0,
    }
    return {**entry, **changes}


def _row(name: str, area: float, clock: float, weight_bits: int = 8) -> dict[str, Any]:
    return {
        "format": name,
        "weight_bits": weight_bits,
        "row_area_ge": round(28_000 * area),
        "row_ratio": area,
        "clock_fo4": 35 / clock,
        "clock_ratio": clock,
        "set_by": "pe",
    }


def _network(name: str, whole: float, narrow: float, wide: float) -> dict[str, Any]:
    layers = [
        {
            "name": f"conv{channels}",
            "channels": channels,
            "filters": 8,
            "kernel": [1, 1],
            "density": 0.1,
            "cycles_dense": 1000,
            "cycles_sparse": round(100 / product),
            "speedup": 10 * product,
            "speedup_times_density": product,
        }
        for channels, product in ((16, narrow), (64, wide))
    ]
    array = {"format": "fixed4", "requant_lanes": 4, "chain_depth": 1, "subarrays": 2}
    return {
        "name": name,
        "about": "made up",
        "rows": 4,
        "lanes": 16,
        "dense": array,
        "sparse": array,
        "logic_ratio": 1.1,
        "speedup": 10 * whole,
        "speedup_times_density": whole,
        "layers": layers,
    }


def _loading(buffers: int, share: float) -> dict[str, Any]:
    return {
        "array": "sparse",
        "format": "fixed8",
        "buffers": buffers,
        "weight_depth": 100,
        "activation_depth": 100,
        "runs": 2,
        "cycles": 100,
        "cycles_busy": 100 - 100 * share,
        "share_of_loading": share,
        "layers": {"conv2": share},
        "logic_added": 0.01,
        "area_added": 0.8,
    }


def _result(**changes: Any) -> dict[str, Any]:
    result = {
        "command": "make bench-rtl",
        "versions": {"numpy": "2"},
        "masks": {"random": "thrown", "balanced": "equal"},
        "layers": [
            _layer("random", 0.0714, 0.96),
            _layer("balanced", 0.0714, 0.99),
            _layer("random", 0.2, 0.97),
            _layer("random", 1.0, 0.98),
            _trained(),
        ],
        "networks": [
            _network("squeezenet", 0.98, 0.7, 0.96),
            _network("conv4-16-rows", 0.9, 0.9, 0.9),
            _network("alexnet-han", 0.228, 0.2, 0.2),
        ],
        "loading": [_loading(buffers, share) for buffers, share in ((1, 0.24), (2, 0.06), (2, 0.03))],
        "widths": [
            {"library": GENERIC, "levels": levels, "weight_bits": bits, "acc_bits": 14 + bits, "row_area": area}
            for levels, bits, area in (
                ("linear", 8, 20_000),
                ("linear", 4, 13_000),
                ("linear", 2, 10_000),
                ("powers", 4, 9_999),
            )
        ],
        "lenet": {"model": "lenet5.packed"},
        "rtl": [_rtl()],
        "area": [
            _row("dense", 1.0, 1.0),
            _row("rice7", 1.05, 0.96),
            _row("rice7", 1.09, 0.94, weight_bits=4),
        ],
        "bits_over_entropy": [
            {"format": name, "density": 0.1, "bits": 12.0, "bits_over_entropy": over, "cycles_per_nonzero": 1.0}
            for name, over in (("rice7", 1.01), ("bitmap8", 1.4))
        ],
    }
    return {**result, **changes}


def _verdicts(result: dict[str, Any]) -> list[str]:
    return [line["verdict"] for line in judged(result)]


def test_every_line_is_judged_by_its_own_figure() -> None:
    found = {line["name"]: line["verdict"] for line in judged(_result()) if line["value"] is not None}
    assert found == {
        "SqueezeNet, real masks, by MACs": "met",  # 0.98
        "the same, worst layer above 32 channels": "goal met",  # 0.96
        "the same, worst layer": "missed",  # 0.7
        "CONV4 random, 16 rows": "missed",  # 0.9
        "AlexNet CONV1-5 at Table 8's densities, Han": "met",  # 2.28x
        "share of loading in CONV2-5 and LeNet-5, 64-bit streams, double-buffered, weights loaded every image": "met",
        "area of double buffering": "shown",
        "random masks of the papers' densities, worst layer": "met",  # 0.96
        "balanced masks, worst layer and density": "met",  # 0.99
        "random masks of 20 % and 50 %, worst layer": "met",  # 0.97
        "MACs of the dense array that are needed, worst of CONV2-5": "goal met",
        "row at 4 bits over 8 bits, generic library": "met",  # 0.65
        "row at 2 bits over 8 bits, generic library": "missed",  # 0.5
        "row with powers of two of 4 bits over 8 bits, generic library": "goal met",
        "sparse row over dense row, 8 bits, worst format in use": "goal met",  # +5 %
        "clock sparse over dense, worst format in use": "missed",  # 0.94 with 4-bit levels
        "stored bits a nonzero, best format, worst density": "goal met",
        "CONV4 on the Verilog, one image": "goal met",  # 42 s
        "CONV4: simulation over the cycle model": "met",  # 4000 times
    }


def test_what_was_not_measured_is_not_met() -> None:
    empty = _result(networks=[], loading=[], widths=[], layers=[], rtl=[], area=[], bits_over_entropy=[])
    assert set(_verdicts(empty)) == {"not measured"}
    assert "not measured" in page(empty)


def test_a_network_whose_file_is_missing_is_told() -> None:
    lost = {"name": "squeezenet", "about": "real", "rows": 4, "lanes": 16, "missing": "no squeezenet.net in models"}
    text = page(_result(networks=[lost]))
    assert "Not measured: squeezenet, no squeezenet.net in models." in text
    assert "| no squeezenet.net in models |" in text


@pytest.mark.parametrize(
    "words",
    [
        "| conv4 | 7.1 % | 7.2x (0.51) | 13.45x (0.960) | 13.87x (0.990) |",
        "+5.0 %",
        "+34.0 %",
        "Model `lenet5.packed`, one array of 4 x 16 in `rice7` for all layers",
        "| fc1 | 0.50 % | 5 |",
        "| conv4 | random | rice7 | 64 | 64,896 | yes | yes | 200,000 | 42.0 s | 5,000 | 4,000x | 40x |",
        "conv4 random 100 % 8 bits 0.896",  # 0.98 of the speed, 0.96 of the clock, 1.05 of the logic
        "conv4 random 100 % 8 bits 1.62 times",
        "`decompress`: no faster than dense in 3 of 3 cases",
        "`nm2of4`: cannot store 3 of 3 masks",
        "1.400 (1.00)",
    ],
)
def test_the_page_tells(words: str) -> None:
    assert words in page(_result())


def test_formats_that_no_layer_takes_are_told() -> None:
    text = page(_result(layers=[_layer("random", 0.07, 0.9), _layer("random", 0.2, 0.9, format="fixed6")]))
    assert "Formats taken for the 2 layers and masks here: `rice7` 1, `fixed6` 1." in text
    assert "For none: `decompress`, `nm2of4`." in text


def test_a_difference_is_told_with_its_place() -> None:
    wrong = _rtl(
        rtl_equals_golden=False, model_equals_rtl=False, mismatches=7, first_mismatch="output 0 is 1, golden 2"
    )
    text = page(_result(rtl=[wrong]))
    assert "**no**: 7 differ, output 0 is 1, golden 2" in text
    assert "**no**: 1,000, model 1,000" in text
