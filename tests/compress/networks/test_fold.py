from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from compress.base.errors import CodesignError
from compress.networks.capture.capture import capture
from compress.networks.captured_chain import chain_of
from compress.networks.fold import fold_batch_norms


def shake(network: nn.Module, seed: int) -> nn.Module:
    """Statistics and parameters as after a training."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.SyncBatchNorm):
            for tensor in (module.running_mean, module.running_var, module.weight, module.bias):
                if tensor is not None:
                    tensor.data = torch.rand(tensor.shape, generator=generator) + 0.1
    return network


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, images: Tensor) -> Tensor:
        outputs: Tensor = images + self.norm(self.conv(images))
        return outputs


class Plain(nn.BatchNorm2d):
    """Another name for torch's."""


class Behind(nn.Module):
    """A layer, and what a function makes of its result and a normalization, or two."""

    def __init__(
        self, function: Callable[[Any, Tensor], Tensor], kind: type[nn.Module] = nn.BatchNorm2d, channels: int = 4
    ) -> None:
        super().__init__()
        self.conv, self.norm, self.second = nn.Conv2d(4, 4, 3), kind(channels), nn.BatchNorm2d(4)
        self.function = function

    def forward(self, images: Tensor) -> Tensor:
        return self.function(self, self.conv(images))


def _functional(network: Any, maps: Tensor) -> Tensor:
    norm = network.norm
    return functional.batch_norm(maps, norm.running_mean, norm.running_var, norm.weight, norm.bias)


@pytest.mark.parametrize(
    ("network", "norms_left"),
    [
        (Behind(lambda network, maps: network.norm(maps), Plain), 1),
        (Behind(lambda network, maps: network.norm(maps), nn.SyncBatchNorm), 1),
        (Behind(lambda network, maps: network.norm(functional.dropout(maps, training=network.training))), 1),
        (Behind(lambda network, maps: network.second(network.norm(maps))), 2),
        (Behind(lambda network, maps: network.norm(maps * 2 + 1)), 2),
        (Behind(lambda network, maps: network.norm(maps.add_(1.0))), 2),
        (Behind(lambda network, maps: network.norm(maps) * 2 + 1), 2),
        (Behind(lambda network, maps: network.second(maps) + network.norm(maps)), 2),
        (Behind(_functional), 2),
    ],
)
def test_what_is_between_stays_what_it_was(network: Behind, norms_left: int) -> None:
    """A normalization that is not called here stays too."""
    shake(network, 0).eval()
    images = torch.rand(3, 4, 5, 5)
    folded = fold_batch_norms(network, images.shape[1:])
    torch.testing.assert_close(folded(images), network(images), rtol=1e-4, atol=1e-5)
    kinds = nn.BatchNorm2d | nn.SyncBatchNorm
    assert sum(isinstance(module, kinds) for module in folded.modules()) == norms_left


@given(st.integers(0, 1000), st.booleans(), st.booleans(), st.sampled_from([1, 2, 4]))
@settings(deadline=None, max_examples=20)
def test_outputs_stay_those_of_evaluation_mode(seed: int, bias: bool, affine: bool, groups: int) -> None:
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(4, 8, 3, groups=groups, bias=bias),
        nn.BatchNorm2d(8, affine=affine, eps=1e-3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(72, 5, bias=bias),
        nn.BatchNorm1d(5, affine=affine),
    )
    shake(network, seed)
    images = torch.rand(3, 4, 5, 5)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    folded = fold_batch_norms(network, images.shape[1:])
    torch.testing.assert_close(folded(images), network.eval()(images), rtol=1e-4, atol=1e-5)
    assert not any(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) for module in folded.modules())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_a_folded_network_is_a_chain_again() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3))
    with pytest.raises(CodesignError, match="batch normalization") as error:
        chain_of(capture(network, (1, 8, 8)))
    assert "fold_batch_norms" in error.value.next_step
    folded = capture(fold_batch_norms(network, (1, 8, 8)), (1, 8, 8))
    assert [layer.geometry.name for layer in chain_of(folded)] == ["0", "4"]


def test_branches_do_not_matter_and_pruned_weights_stay_zero() -> None:
    network = nn.Sequential(shake(Residual(), 0), Residual()).eval()
    with torch.no_grad():
        network.get_parameter("0.conv.weight")[:, :, 1] = 0.0
    images = torch.rand(2, 4, 6, 6)
    folded = fold_batch_norms(network, images.shape[1:])
    torch.testing.assert_close(folded(images), network(images))
    assert not bool(folded.get_parameter("0.conv.weight")[:, :, 1].any())


class Twice(Residual):
    def forward(self, images: Tensor) -> Tensor:
        outputs: Tensor = self.norm(self.conv(self.conv(images)))
        return outputs


class TwoReaders(Residual):
    def forward(self, images: Tensor) -> Tensor:
        outputs: Tensor = self.conv(images)
        normalized: Tensor = self.norm(outputs)
        return outputs + normalized


class DataDependent(Residual):
    def forward(self, images: Tensor) -> Tensor:
        return self.norm(images) if images.sum() > 0 else images


@pytest.mark.parametrize(
    "network",
    [
        TwoReaders(),
        nn.Sequential(nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1)),
        nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1)),
    ],
)
def test_a_normalization_that_is_not_behind_a_layer_of_its_own_stays(network: nn.Module) -> None:
    shake(network, 1)
    images = torch.rand(2, 4, 6, 6)
    folded = fold_batch_norms(network, images.shape[1:])
    assert any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert torch.equal(folded(images), network.eval()(images))


def test_a_negative_variance_is_a_clear_error() -> None:
    network = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
    torch.nn.init.constant_(network.get_buffer("1.running_var"), -1.0)
    with pytest.raises(CodesignError, match=r"'1' .* has a negative running variance"):
        fold_batch_norms(network, (4, 6, 6))


@pytest.mark.parametrize(
    ("network", "cause"),
    [
        (Twice(), "runs twice"),
        (nn.Sequential(nn.Conv2d(4, 2, 3), nn.BatchNorm2d(2, track_running_stats=False)), "no running statistics"),
        (DataDependent(), "cannot be traced"),
    ],
)
def test_what_cannot_be_folded_is_a_clear_error(network: nn.Module, cause: str) -> None:
    with pytest.raises(CodesignError, match=cause):
        fold_batch_norms(network, (4, 6, 6))
