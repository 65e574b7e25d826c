"""What the papers report, to stand beside our figures: ADMM-NN (003), its predecessors (000, 002), MobileNets (001)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ALEXNET_LAYERS",
    "ALEXNET_MACS",
    "ALEXNET_SPEEDUPS",
    "LAYER_TABLES",
    "MOBILENET_ROWS",
    "SCNN_AREA",
    "TARGETS",
    "AlexNetLayer",
    "LayerTable",
    "Target",
]


@dataclass(frozen=True)
class Target:
    """One line of the comparison with the papers.

    Members
    -------
    figure : str
        Member of a result that is a ratio: ``pruning_ratio``, ``weight_data_ratio``, ``file_ratio``.
    floor : float
        Test accuracy that the mean of the seeds must reach.
    paper : float
        The papers' ratio at that accuracy, from ``source``.
    """

    title: str
    network: str
    method: str
    figure: str
    floor: float
    paper: float
    source: str


TARGETS = (
    Target("LeNet-300-100, pruned", "lenet-300-100", "admm", "pruning_ratio", 0.984, 22.9, "002 T1"),
    Target("LeNet-5, pruned", "lenet5", "admm", "pruning_ratio", 0.992, 85, "003 T1"),
    Target("LeNet-5, pruned", "lenet5", "admm", "pruning_ratio", 0.990, 167, "000 T3, 003 T1"),
    Target("LeNet-5, weight data", "lenet5", "admm+quantize", "weight_data_ratio", 0.990, 1910, "000 T1, 003 T5"),
    Target("LeNet-5, whole file", "lenet5", "admm+quantize", "file_ratio", 0.990, 623, "000 T1, 003 T5"),
)


@dataclass(frozen=True)
class LayerTable:
    """A paper's weights kept by layer, in our layer names; percentages are the paper's own."""

    network: str
    source: str
    kept_percent: dict[str, float]
    weight_bits: dict[str, int]


LAYER_TABLES = (
    LayerTable("lenet-300-100", "002 T1, 22.9x", {"fc1": 4, "fc2": 7, "fc3": 12}, {}),
    LayerTable("lenet5", "002 T2, 71x", {"conv1": 20, "conv2": 8, "fc1": 0.9, "fc2": 7}, {}),
    LayerTable(
        "lenet5",
        "000 T3, 167x",
        {"conv1": 20, "conv2": 5.3, "fc1": 0.2, "fc2": 7},
        {"conv1": 5, "conv2": 3, "fc1": 2, "fc2": 3},
    ),
)

MOBILENET_ROWS = {  # 001, CIFAR-10, half of each layer pruned: method -> (before, after), percent
    "mobilenet-v2": {"projected": (10.00, 70.60), "admm": (80.66, 67.10)},
    "mobilenet-v3-small": {"projected": (48.33, 64.57), "admm": (72.47, 68.48)},
    "mobilenet-v3-large": {"projected": (35.97, 35.97), "admm": (85.06, 60.13)},
}


@dataclass(frozen=True)
class AlexNetLayer:
    """003, AlexNet: Table 8's millions of operations before and after pruning, Table 9's speedup (Ours1)."""

    dense: int
    kept: int
    speedup: float

    @property
    def density(self) -> float:
        """Of the weights, which is that of the operations."""
        return self.kept / self.dense


ALEXNET_MACS = {
    "AlexNet": {"conv1": 211, "conv2": 448, "conv3": 299, "conv4": 224, "conv5": 150},
    "Ours": {"conv1": 133, "conv2": 31, "conv3": 18, "conv4": 16, "conv5": 11},
    "Han": {"conv1": 177, "conv2": 170, "conv3": 105, "conv4": 83, "conv5": 56},
    "Mao": {"conv1": 175, "conv2": 116, "conv3": 67, "conv4": 52, "conv5": 35},
    "Wen": {"conv1": 180, "conv2": 107, "conv3": 44, "conv4": 42, "conv5": 36},
}
"""003 Table 8: millions of operations, of the dense network and as pruned by each method."""

ALEXNET_SPEEDUPS = {"Ours": 3.6, "Han": 0.64, "Mao": 0.81, "Wen": 0.77}
"""003 Table 9: of CONV1-5 together, with as many PEs; Ours1, whose CONV1 is not pruned."""

ALEXNET_LAYERS = {
    name: AlexNetLayer(ALEXNET_MACS["AlexNet"][name], ALEXNET_MACS["Ours"][name], speedup)
    for name, speedup in (("conv2", 7.0), ("conv3", 7.5), ("conv4", 7.2), ("conv5", 7.1))
}

SCNN_AREA = 1.34  # Parashar et al., ISCA 2017: a sparse accelerator over its dense counterpart
