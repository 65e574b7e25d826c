import copy
from collections.abc import Callable
from typing import Any, Self

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.base.errors import CodesignError
from compress.model.layer import LayerKind
from compress.model.pool import Pool, PoolKind
from compress.networks.capture.geometries import layer_geometries
from compress.networks.chain import LayerGeometry, prunable_layers, trace_chain


class Functional(nn.Module):
    """As many people write their networks."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding="same")
        self.second = nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2)
        self.fc = nn.Linear(8, 10)

    def forward(self, images: Tensor) -> Tensor:
        activations = functional.max_pool2d(functional.relu(self.conv(images)), 2)
        activations = functional.avg_pool2d(self.second(activations).relu(), kernel_size=2)
        logits: Tensor = self.fc(torch.flatten(functional.dropout(activations, 0.5, self.training), 1))
        return logits


def test_a_functional_network_is_traced() -> None:
    chain = trace_chain(Functional(), (1, 8, 8))
    assert [layer.geometry for layer in chain] == [
        LayerGeometry((4, 1, 3, 3), (1, 8, 8), (1, 1), (1, 1), name="conv", kind=LayerKind.CONV2D),
        LayerGeometry((8, 2, 3, 3), (4, 4, 4), (2, 2), (1, 1), 2, name="second", kind=LayerKind.CONV2D),
        LayerGeometry((10, 8, 1, 1), (8, 1, 1), name="fc", kind=LayerKind.LINEAR),
    ]
    assert [layer.relu for layer in chain] == [True, True, False]
    assert [layer.pool for layer in chain] == [
        Pool(PoolKind.MAX, (2, 2), (2, 2)),
        Pool(PoolKind.AVERAGE, (2, 2), (2, 2)),
        None,
    ]


def test_shapes_and_macs_are_those_of_a_real_run() -> None:
    network = nn.Sequential(nn.Conv2d(3, 6, (3, 1), stride=(2, 1), padding=(1, 2), groups=3), nn.ReLU())
    (geometry,) = layer_geometries(network, (3, 9, 5))
    outputs = network(torch.zeros(1, 3, 9, 5))
    assert geometry.output_shape == tuple(outputs.shape[1:])
    assert geometry.macs == 6 * 1 * 3 * outputs.shape[2] * outputs.shape[3]


@pytest.mark.parametrize("order", [[nn.ReLU(), nn.MaxPool2d(2)], [nn.MaxPool2d(2), nn.ReLU()]])
def test_relu_and_max_pool_come_in_either_order(order: list[nn.Module]) -> None:
    (layer,) = trace_chain(nn.Sequential(nn.Conv2d(1, 2, 3), *order), (1, 6, 6))
    assert (layer.relu, layer.pool) == (True, Pool(PoolKind.MAX, (2, 2), (2, 2)))


def test_names_of_nested_modules_are_those_of_the_network() -> None:
    network = nn.Sequential(nn.Sequential(nn.Conv2d(2, 3, 1), nn.ReLU()), nn.Conv2d(3, 1, 1))
    assert list(prunable_layers(network)) == ["0.0", "1"]
    assert [geometry.name for geometry in layer_geometries(network, (2, 1, 1))] == ["0.0", "1"]


def test_tracing_leaves_the_network_as_it_was() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.Dropout()).train()
    before = copy.deepcopy(network.state_dict())
    trace_chain(network, (2, 1, 1))
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        outputs: Tensor = images + self.conv(images)
        return outputs


class Twice(Residual):
    def forward(self, images: Tensor) -> Tensor:
        outputs: Tensor = self.conv(self.conv(images).relu())
        return outputs


class DataDependent(Residual):
    def forward(self, images: Tensor) -> Tensor:
        return self.conv(images) if images.sum() > 0 else images


class TwoInputs(nn.Module):
    def forward(self, images: Tensor, more: Tensor) -> Tensor:
        return images + more


class Pair(Residual):
    def forward(self, images: Tensor) -> tuple[Tensor]:  # type: ignore[override]
        return (self.conv(images),)


class Scaled(Residual):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = self.conv(images) * self.scale
        return result


class Statement(Residual):
    """An operation whose result is thrown away: in place it changes what is read afterwards."""

    def __init__(self, operation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.conv(images)
        self.operation(maps)
        return maps


class AlwaysTraining(Residual):
    """Keeps its dropout for Monte Carlo estimates."""

    def train(self, mode: bool = True) -> Self:
        return super().train(True)


def conv(**changes: Any) -> nn.Conv2d:
    return nn.Conv2d(**{"in_channels": 1, "out_channels": 2, "kernel_size": 3, **changes})


@pytest.mark.parametrize(
    ("network", "cause"),
    [
        (Residual(), "branches"),
        (Statement(lambda maps: maps.relu_()), r"does not use the result of 'relu_'"),
        (Statement(lambda maps: functional.relu(maps, inplace=True)), r"does not use the result of 'relu'"),
        (Statement(nn.ReLU(inplace=True)), r"does not use the result of 'operation'"),
        (TwoInputs(), r"needs the argument 'more'"),
        (Pair(), r"returns more than a tensor"),
        (Scaled(), "'mul' computes with 'scale' outside a layer"),
        (AlwaysTraining(), "the network stays in training mode"),
        (DataDependent(), "cannot be traced"),
        (Twice(), "'conv' runs twice"),
        (nn.Sequential(conv(), nn.BatchNorm2d(2)), r"'1' \(BatchNorm2d\) is not supported"),
        (nn.Sequential(conv(), nn.Sigmoid()), r"'1' \(Sigmoid\) is not supported"),
        (nn.Sequential(conv(), conv(in_channels=2)), "'0' has no ReLU before '1'"),
        (nn.Sequential(conv(), nn.ReLU(), conv()), "'2' wants"),
        (nn.Sequential(conv(kernel_size=9)), "does not fit its input"),
        (nn.Sequential(conv(dilation=2)), "dilation"),
        (nn.Sequential(conv(padding=1, padding_mode="circular")), "padding other than zeros"),
        (nn.Sequential(conv(kernel_size=2, padding="same")), "even kernel"),
        (nn.Sequential(conv(), nn.ReLU(), nn.Linear(72, 3)), "Flatten"),
        (nn.Sequential(conv(), nn.ReLU(), nn.Flatten(), nn.Linear(71, 3)), "wants 71 features, its input has 72"),
        (nn.Sequential(conv(), nn.Flatten(2)), "does not flatten"),
        (nn.Sequential(conv(), nn.MaxPool2d(2), nn.MaxPool2d(2)), "second pooling"),
        (nn.Sequential(conv(), nn.MaxPool2d(3, padding=1)), "special setting"),
        (nn.Sequential(conv(), nn.MaxPool2d(4, ceil_mode=True)), "special setting"),
        (nn.Sequential(conv(), nn.ReLU(), nn.AvgPool2d(2, divisor_override=3)), "special setting"),
        (nn.Sequential(conv(), nn.AvgPool2d(2), nn.ReLU()), "averages before the ReLU"),
        (nn.Sequential(conv(), nn.MaxPool2d(7)), "'1' does not fit"),
        (nn.Sequential(nn.ReLU(), conv()), "before the first layer"),
        (nn.Sequential(nn.Dropout()), "no Conv2d or Linear"),
    ],
)
def test_what_the_array_cannot_run_is_a_clear_error(network: nn.Module, cause: str) -> None:
    with pytest.raises(CodesignError, match=cause):
        trace_chain(network, (1, 8, 8))


def test_images_may_be_flattened_first() -> None:
    (layer,) = trace_chain(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), (1, 8, 8))
    assert layer.geometry == LayerGeometry((3, 64, 1, 1), (64, 1, 1), name="1", kind=LayerKind.LINEAR)


def test_a_network_without_layers_has_nothing_to_prune() -> None:
    with pytest.raises(CodesignError, match="no Conv2d or Linear"):
        prunable_layers(nn.Sequential(nn.ReLU()))


class Used(nn.Module):
    """An option of ``forward`` chooses the path: traced is the path that runs without it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 4, 3), nn.Linear(144, 10)

    def forward(self, images: Tensor, features: bool = False, mask: Tensor | None = None) -> Tensor:
        maps = torch.flatten(torch.relu(self.conv(images)), 1)
        if mask is not None:
            maps = maps * mask
        return maps if features else self.fc(maps)


class FeaturesFirst(Used):
    def forward(self, images: Tensor, features: bool = True, mask: Tensor | None = None) -> Tensor:
        return super().forward(images, features, mask)


def test_options_of_forward_have_the_defaults_that_run() -> None:
    assert [layer.name for layer in trace_chain(Used(), (1, 8, 8))] == ["conv", "fc"]
    assert [layer.name for layer in trace_chain(FeaturesFirst(), (1, 8, 8))] == ["conv"]


@pytest.mark.parametrize(
    ("drop", "random"),
    [
        (lambda maps, training: functional.dropout(maps), True),
        (lambda maps, training: functional.dropout2d(maps, 0.5), True),
        (lambda maps, training: functional.dropout(maps, 0.5, True), True),
        (lambda maps, training: functional.dropout(maps, 0.5, training), False),
        (lambda maps, training: functional.dropout2d(maps, training=training), False),
        (lambda maps, training: functional.alpha_dropout(maps), False),
        (lambda maps, training: functional.dropout(maps, 0.0), False),
        (lambda maps, training: functional.feature_alpha_dropout(maps, p=0, training=True), False),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_left_out_only_where_evaluation_leaves_it_out(drop: Any, random: bool, training: bool) -> None:
    class Dropping(Used):
        def forward(self, images: Tensor, *_: object) -> Tensor:
            maps = drop(torch.relu(self.conv(images)), self.training)
            result: Tensor = self.fc(torch.flatten(maps, 1))
            return result

    network = Dropping().train(training)
    if not random:
        assert [layer.name for layer in trace_chain(network, (1, 8, 8))] == ["conv", "fc"]
        assert network.training is training
        return
    with pytest.raises(CodesignError, match="drops activations in evaluation too") as error:
        trace_chain(network, (1, 8, 8))
    assert "training=self.training" in error.value.next_step
