"""What is not plain is refused by every function that takes a network, before it does anything."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from compress.admm.iteration import AdmmConfig, admm
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset, Split
from compress.lowering.integerize import integerize
from compress.methods.cluster import cluster_admm
from compress.methods.joint import compress_jointly
from compress.methods.post_training import round_weights
from compress.methods.progressive import prune_progressively
from compress.methods.prune import prune_admm, prune_to
from compress.methods.quantize import QuantizeResult, quantize_admm
from compress.methods.registry import METHODS, VALUE_SETS, Target, prune, quantize
from compress.networks.capture.capture import capture
from compress.networks.capture.geometries import layer_geometries
from compress.networks.checks import check_plain
from compress.networks.compact import compact
from compress.networks.fold import fold_batch_norms
from compress.networks.registry import NETWORKS
from compress.train.training import TrainingConfig, train
from tests.compress.networks.not_plain import NOT_PLAIN

SHAPE = (1, 8, 8)
CONFIG = AdmmConfig(iterations=1, retrain_epochs=1)


@pytest.mark.parametrize("case", NOT_PLAIN)
@pytest.mark.filterwarnings("ignore")  # torch's own, on lazy modules and old forms
def test_what_is_not_plain_is_refused_with_the_module_and_the_next_step(case: str) -> None:
    make, cause, step = NOT_PLAIN[case]
    network = make()
    with pytest.raises(CodesignError, match=cause) as error:
        check_plain(network)
    assert step in error.value.next_step


@pytest.mark.parametrize("name", NETWORKS)
def test_our_own_networks_are_plain(name: str) -> None:
    with torch.device("meta"):
        network = NETWORKS[name]()
    network.to_empty(device="cpu")
    with torch.no_grad():
        for tensor in network.state_dict(keep_vars=True).values():
            tensor.zero_()
    check_plain(network)


class Subclassed(nn.Conv2d):
    """A layer with a constructor of its own is the layer."""

    def __init__(self) -> None:
        super().__init__(1, 4, 3)


class Aliased(nn.Module):
    """One ReLU at two names, several layers in a list beside their ModuleList, and arguments that nobody gives."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = self.activation = nn.ReLU()
        self.layers = nn.ModuleList([Subclassed(), nn.Linear(144, 10)])
        self.order = [self.layers[1], self.layers[0]]

    def forward(self, images: Tensor, features: bool = False, *more: Tensor, scale: float = 1.0) -> Tensor:
        maps = self.relu(self.layers[0](images)).flatten(1)
        result: Tensor = maps if features else self.layers[1](maps)
        return result


def test_what_only_looks_odd_is_plain_and_traced_as_it_runs() -> None:
    check_plain(Aliased())
    assert list(capture(Aliased(), SHAPE).layers) == ["layers.0", "layers.1"]


@pytest.fixture
def data() -> Dataset:
    split = Split(torch.rand(32, *SHAPE), torch.arange(32) % 4)
    return Dataset("mine", split, split, split)


Door = Callable[[nn.Module, Dataset], object]


def _method(name: str) -> Door:
    return lambda network, data: prune(network, data, name, Target(ratio=2.0), CONFIG)


def _value_set(name: str) -> Door:
    return lambda network, data: quantize(network, data, name, {"*": 4}, CONFIG)


DOORS: dict[str, Door] = {
    "capture": lambda network, _: capture(network, SHAPE),
    "geometries": lambda network, _: layer_geometries(network, SHAPE),
    "fold": lambda network, _: fold_batch_norms(network, SHAPE),
    "compact": lambda network, _: compact(network, SHAPE),
    "train": lambda network, data: train(network, data, TrainingConfig(epochs=1)),
    "admm": lambda network, data: admm(network, data, [], CONFIG),
    "prune": lambda network, data: prune_admm(network, data, {"*": 0.5}, CONFIG),
    "progressive": lambda network, data: next(prune_progressively(network, data, [9], [CONFIG])),
    "quantize": lambda network, data: quantize_admm(network, data, {}, {"*": 4}, CONFIG),
    "cluster": lambda network, data: cluster_admm(network, data, {}, {"*": 4}, CONFIG),
    "joint": lambda network, data: compress_jointly(network, data, {"*": 0.5}, {"*": 4}, CONFIG),
    "round": lambda network, _: round_weights(network, {"*": 8}),
    "integerize": lambda network, data: integerize(network, QuantizeResult({}, {}, {}, (), ()), data.train, SHAPE),
    "any sets": lambda network, data: prune_to(network, data, [], CONFIG),
    **{name: _method(name) for name in METHODS},
    **{name: _value_set(name) for name in VALUE_SETS},
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("case", ["prune", "lazy", "forward hook of the network", "shared weight", "NaN"])
@pytest.mark.filterwarnings("ignore:Lazy")
def test_every_function_refuses_before_it_does_anything(door: str, case: str, data: Dataset) -> None:
    make, cause, _ = NOT_PLAIN[case]
    network = make()
    before = _state(network)
    with pytest.raises(CodesignError, match=cause):
        DOORS[door](network, data)
    assert all(torch.equal(a, b) for a, b in zip(before, _state(network), strict=True))


def _state(network: nn.Module) -> list[Tensor]:
    tensors: Iterator[Tensor] = network.parameters()
    return [copy.deepcopy(t.detach()).nan_to_num() for t in tensors if not nn.parameter.is_lazy(t)]
