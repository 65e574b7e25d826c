"""What the array should reach: real masks and whole networks first, each line with the figure it is judged by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from benchmarks.array.widths import GENERIC, NANGATE45
from benchmarks.goals import Goal
from benchmarks.papers import ALEXNET_MACS, ALEXNET_SPEEDUPS

__all__ = ["clock_ratio", "judged", "pruned_like_the_papers"]

Result = Mapping[str, Any]
Entry = Mapping[str, Any]
PAPERS_BAND = (0.055, 0.08)  # Table 8's densities of CONV2-5 and what is drawn of them
NARROW = 32
"""Input channels up to which a layer of SqueezeNet is not judged by itself."""

SHARE = "speedup x density"


def judged(result: Result) -> list[dict[str, Any]]:
    """Every line with its verdict."""
    lines = (*_networks(result), *_loading(result), *_layers(result), *_hardware(result), *_models(result))
    return [line.to_dict() for line in lines]


def pruned_like_the_papers(entry: Entry) -> bool:
    """Whether a layer has a density of 003 Table 8."""
    density: float = entry["density"]
    return PAPERS_BAND[0] <= density <= PAPERS_BAND[1]


def clock_ratio(result: Result) -> float | None:
    """Sparse clock over dense clock: of 8- and 4-bit levels, and of the formats in use, the worst."""
    return _used(result, "clock_ratio", most=False, widths=(8, 4))


def _networks(result: Result) -> Iterator[Goal]:
    found = {entry["name"]: entry for entry in result["networks"]}

    def whole(network: str) -> float | None:
        value: float | None = found.get(network, {}).get("speedup_times_density")
        return value

    def worst(network: str, chosen: Callable[[Entry], bool] = lambda _: True) -> float | None:
        layers = found.get(network, {}).get("layers", [])
        return min((layer["speedup_times_density"] for layer in layers if chosen(layer)), default=None)

    def line(name: str, value: float | None, must: float, goal: float, network: str) -> Goal:
        return Goal(name, SHARE, "higher", value, must, goal, _detail(found.get(network, {})))

    yield line("SqueezeNet, real masks, by MACs", whole("squeezenet"), 0.97, 0.99, "squeezenet")
    wide = worst("squeezenet", lambda layer: layer["channels"] > NARROW)
    yield line("the same, worst layer above 32 channels", wide, 0.90, 0.95, "squeezenet")
    yield line("the same, worst layer", worst("squeezenet"), 0.90, 0.95, "squeezenet")
    for layer, must in (("conv2", 0.90), ("fc1", 0.85)):
        value = worst("lenet5-71x", lambda entry, layer=layer: entry["name"] == layer)  # type: ignore[misc]
        yield line(f"LeNet-5 71x, real mask, {layer}", value, must, 0.95, "lenet5-71x")
    yield line("ResNet-50's 1x1 and 3x3 layers, 15 % random, worst", worst("resnet50-15"), 0.85, 0.95, "resnet50-15")
    for rows, must, goal in ((16, 0.95, 0.98), (32, 0.85, 0.95)):
        name = f"conv4-{rows}-rows"
        yield line(f"CONV4 random, {rows} rows", whole(name), must, goal, name)
    for rows, must in ((4, 0.88), (8, 0.85)):
        name = f"uneven-{rows}-rows"
        yield line(f"CONV2-5 uneven, worst, {rows} rows", worst(name), must, 0.92, name)
    for method, before, goal in (("Ours", 4.76, 5.5), ("Han", 2.27, 2.5), ("Mao", 3.03, 3.5), ("Wen", 3.30, 4.0)):
        yield _table_8(method, found.get(f"alexnet-{method.lower()}", {}), before, goal)
    yield line("CONV2-5 random, one array, worst", worst("random-4-rows"), 0.98, 0.99, "random-4-rows")


def _table_8(method: str, network: Entry, before: float, goal: float) -> Goal:
    """The speedup of AlexNet's convolutions, whose limit is the ratio of operations where dense wastes no cycle."""
    fewer = sum(ALEXNET_MACS["AlexNet"].values()) / sum(ALEXNET_MACS[method].values())
    detail = f"003 Table 9: {ALEXNET_SPEEDUPS[method]:g}; {fewer:.2f} times fewer operations; {_detail(network)}"
    name, speedup = f"AlexNet CONV1-5 at Table 8's densities, {method}", network.get("speedup")
    return Goal(name, "speedup", "higher", speedup, before, goal, detail)


def _loading(result: Result) -> Iterator[Goal]:
    """The sparse array with two buffers of as many words as one layer needs, and what they add."""
    found = [entry for entry in result["loading"] if entry["array"] == "sparse"]
    one, two, small = found if len(found) == 3 else (None, None, None)
    name = "share of loading in CONV2-5 and LeNet-5, 64-bit streams, double-buffered, weights loaded every image"
    told = ""
    if one and small:
        told = (
            f"random masks; one buffer {one['share_of_loading']:.3f}; two with a quarter of the weight words each "
            f"{small['share_of_loading']:.3f}"
        )
    yield Goal(name, "of all cycles", "lower", two and two["share_of_loading"], 0.15, 0.05, told)
    costs = ""
    if two and small:
        costs = (
            f"logic {100 * two['logic_added']:+.1f} %, the rest SRAM (generic model); with a quarter of the weight "
            f"words each {100 * small['area_added']:+.1f} % in all"
        )
    yield Goal("area of double buffering", "of the array", "lower", two and two["area_added"], None, None, costs)


def _detail(network: Entry) -> str:
    """The chosen array, and what it costs beside the dense one of the same rows and lanes."""
    if "sparse" not in network:
        return str(network.get("missing", "not measured"))
    chosen = network["sparse"]
    return (
        f"{network['rows']} x {network['lanes']}, {chosen['format']}, {chosen['requant_lanes']} requantizers, "
        f"depth {chosen['chain_depth']}, {chosen['subarrays']} subarrays; logic {network['logic_ratio']:.2f} of dense"
    )


def _layers(result: Result) -> Iterator[Goal]:
    def product(mask: str, chosen: Callable[[Entry], bool]) -> float | None:
        found = (entry for entry in result["layers"] if entry["mask"] == mask and chosen(entry))
        return _least(entry["speedup_times_density"] for entry in found)

    one = "each layer in its format, one requantizer, chain of depth 1"
    yield Goal(
        "random masks of the papers' densities, worst layer",
        SHARE,
        "higher",
        product("random", pruned_like_the_papers),
        0.90,
        0.97,
        one,
    )
    yield Goal("balanced masks, worst layer and density", SHARE, "higher", product("balanced", _any), 0.98, 1.0, one)
    asked = product("random", lambda entry: entry.get("density_asked") in (0.2, 0.5))
    yield Goal("random masks of 20 % and 50 %, worst layer", SHARE, "higher", asked, 0.95, 0.99, one)
    used = _least(entry["dense_utilization"] for entry in result["layers"] if "density_asked" in entry)
    yield Goal("MACs of the dense array that are needed, worst of CONV2-5", "of its cycles", "higher", used, 0.75, 0.85)


def _any(_: Entry) -> bool:
    return True


def _hardware(result: Result) -> Iterator[Goal]:
    yield from _widths(result)
    row = _used(result, "row_ratio", most=True, widths=(8,))
    yield Goal("sparse row over dense row, 8 bits, worst format in use", "of its logic", "lower", row, 1.12, 1.06)
    clock = "with the broadcast to the lanes"
    yield Goal("clock sparse over dense, worst format in use", "of it", "higher", clock_ratio(result), 0.95, 1.0, clock)
    best: dict[float, float] = {}
    for entry in result["bits_over_entropy"]:
        best[entry["density"]] = min(entry["bits_over_entropy"], best.get(entry["density"], float("inf")))
    bits_over = max(best.values(), default=None)
    yield Goal("stored bits a nonzero, best format, worst density", "of n + H(p)/p", "lower", bits_over, 1.10, 1.04)


def _widths(result: Result) -> Iterator[Goal]:
    """Of each library: rows of narrower levels over the row of 8-bit levels."""
    rows = {(entry["library"], entry["levels"], entry["weight_bits"]): entry for entry in result["widths"]}
    narrower = (
        ("linear", 4, "row at 4 bits", 0.70, 0.62),
        ("linear", 2, "row at 2 bits", 0.45, 0.38),
        ("powers", 4, "row with powers of two of 4 bits", 0.60, 0.50),
    )
    for levels, bits, name, must, goal in narrower:
        for library in (GENERIC, NANGATE45):
            entry, whole = rows.get((library, levels, bits)), rows.get((library, "linear", 8))
            value, detail = None, ""
            if entry is not None and whole is not None:
                value = entry["row_area"] / whole["row_area"]
                detail = f"accumulators of {entry['acc_bits']} and {whole['acc_bits']} bits"
            yield Goal(f"{name} over 8 bits, {library}", "of its logic", "lower", value, must, goal, detail)


def _models(result: Result) -> Iterator[Goal]:
    found = [entry for entry in result["rtl"] if entry["name"] == "conv4" and entry["mask"] != "dense"]
    slowest = max((entry["seconds"] for entry in found), default=None)
    yield Goal("CONV4 on the Verilog, one image", "s", "lower", slowest, 300, 60)
    ratio = _least(entry["model_speed_ratio"] for entry in found)
    yield Goal("CONV4: simulation over the cycle model", "of its seconds", "higher", ratio, 1000, 10000)


def _used(result: Result, member: str, most: bool, widths: tuple[int, ...]) -> float | None:
    """The worst of the formats that some pruned layer runs best in."""
    used = {entry["format"] for entry in result["layers"]}
    found = [e[member] for e in result["area"] if e["format"] in used and e["weight_bits"] in widths]
    return (max if most else min)(found, default=None)


def _least(values: Iterable[float]) -> float | None:
    return min(values, default=None)
