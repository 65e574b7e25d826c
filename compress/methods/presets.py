"""The papers' settings per layer: weights kept, and bits where they quantized.

For VGG-16 and ResNet-50 the papers only give whole networks; there every layer keeps the same fraction, and the
source says so. It is a starting point, not what the papers had: the 3.2 MB of VGG-16's weights in 003 Table 6 are 3.7
bits a weight, so a third of these were in convolutions, where the uniform preset has a tenth.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from compress.base.errors import CodesignError

__all__ = ["PRESETS", "Preset", "preset"]


@dataclass(frozen=True)
class Preset:
    """One row set of a paper's table, in our layer names; keys may be patterns.

    Members
    -------
    network : str
        A key of ``compress.networks.registry.NETWORKS``.
    source : str
        Paper and table, and what of it is not the paper's.
    alphas : dict
        Fraction of each layer's weights kept, to the tables' precision.
    weight_bits : dict
        Empty where the paper only prunes, and without the layers whose bits it leaves open.
    rho, learning_rate : float or None
        Where the paper states them.
    """

    network: str
    source: str
    alphas: dict[str, float]
    weight_bits: dict[str, int] = field(default_factory=dict)
    rho: float | None = None
    learning_rate: float | None = None


ALEXNET_BITS = {"conv1": 8, "conv*": 5, "fc*": 3, "fc3": 8}
ALEXNET_CONV = {"conv1": 0.81, "conv2": 0.20, "conv3": 0.19, "conv4": 0.20, "conv5": 0.20}
UNIFORM = "uniform, for the whole network's ratio"
MOBILENETS = {"v2": "mobilenet-v2", "v3-small": "mobilenet-v3-small", "v3-large": "mobilenet-v3-large"}

PRESETS: dict[str, Preset] = {
    "lenet-300-100-23x": Preset("lenet-300-100", "002 Table 1", {"fc1": 0.04, "fc2": 0.07, "fc3": 0.12}, rho=1e-4),
    "lenet5-71x": Preset("lenet5", "002 Table 2", {"conv1": 0.2, "conv2": 0.08, "fc1": 0.009, "fc2": 0.07}, rho=1e-4),
    "lenet5-167x": Preset(
        "lenet5",
        "000 Table 3",
        {"conv1": 0.2, "conv2": 0.053, "fc1": 0.002, "fc2": 0.07},
        {"conv1": 5, "conv2": 3, "fc1": 2, "fc2": 3},
        rho=1e-3,
    ),
    "alexnet-21x": Preset(
        "alexnet", "003 Table 7, 002 Table 3", {**ALEXNET_CONV, "fc1": 0.028, "fc2": 0.059, "fc3": 0.093}, rho=1.5e-3
    ),
    "alexnet-25x": Preset(
        "alexnet", "000 Table 4", {**ALEXNET_CONV, "fc1": 0.02, "fc2": 0.054, "fc3": 0.08}, ALEXNET_BITS, rho=1.5e-3
    ),
    "alexnet-conv-13x": Preset(
        "alexnet",
        "002 Table 4, bits from 003 Table 8 (MAC x bits over MACs)",
        {
            "conv1": 0.63,
            "conv2": 0.07,
            "conv3": 0.06,
            "conv4": 0.07,
            "conv5": 0.07,
            "fc1": 0.09,
            "fc2": 0.09,
            "fc3": 0.25,
        },
        {"conv1": 7, "conv*": 5},
        rho=1.5e-3,
    ),
    "vgg16-20x": Preset("vgg16", f"003 Tables 3 and 6, {UNIFORM}", {"*": 6.9 / 138}, {"conv*": 5, "fc*": 3}, rho=3e-3),
    "vgg16-26x": Preset("vgg16", f"003 Table 3, {UNIFORM}", {"*": 5.3 / 138}, rho=3e-3),
    "resnet50-7x": Preset("resnet50", f"003 Tables 4 and 6, {UNIFORM}", {"*": 3.6 / 25.6}, {"*": 6}),
    "resnet50-9x": Preset("resnet50", f"003 Table 4, {UNIFORM}", {"*": 2.8 / 25.6}),
    "resnet50-17x": Preset("resnet50", f"003 Tables 4 and 6, {UNIFORM}", {"*": 1.47 / 25.6}, {"*": 4}),
    **{
        f"mobilenet-{name}-half": Preset(network, "001", {"*": 0.5}, rho=1e-2, learning_rate=1e-3)
        for name, network in MOBILENETS.items()
    },
}
"""Published settings by name; ``docs/presets.md`` has them as a table."""


def preset(name: str) -> Preset:
    """A preset by name; a CodesignError lists the names."""
    if name not in PRESETS:
        raise CodesignError(f"unknown preset {name!r}", f"use one of: {', '.join(PRESETS)}")
    return PRESETS[name]
