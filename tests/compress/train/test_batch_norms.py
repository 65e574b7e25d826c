import pytest
import torch
from torch import Tensor, nn

from compress.data.datasets import Split
from compress.train.augmentation import augmented
from compress.train.batch_norms import recalibrate_batch_norms

IMAGES = torch.rand(20, 2, 5, 5)
SPLIT = Split(IMAGES, torch.zeros(20, dtype=torch.int64))


class Network(nn.Module):
    def __init__(self, momentum: float | None = 0.1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.first = nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, momentum=momentum)
        self.dropout, self.linear = nn.Dropout(0.5), nn.Linear(27, 4)
        self.second = nn.BatchNorm1d(4, momentum=momentum)

    def forward(self, images: Tensor) -> Tensor:
        outputs: Tensor = self.second(self.linear(self.dropout(self.hidden(images))))
        return outputs

    def hidden(self, images: Tensor) -> Tensor:
        outputs: Tensor = self.first(self.conv(images)).relu().flatten(1)
        return outputs


def statistics(module: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert module.running_mean is not None
    assert module.running_var is not None
    return module.running_mean, module.running_var


@pytest.mark.parametrize("momentum", [0.1, 0.9, None])
def test_statistics_are_the_means_over_whole_batches(momentum: float | None) -> None:
    network = Network(momentum)
    recalibrate_batch_norms(network, SPLIT, images=15, batch_size=4)
    batches = [network.conv(batch).detach() for batch in IMAGES[:12].split(4)]
    mean, variance = statistics(network.first)
    torch.testing.assert_close(mean, torch.stack([x.mean((0, 2, 3)) for x in batches]).mean(0))
    torch.testing.assert_close(variance, torch.stack([x.var((0, 2, 3)) for x in batches]).mean(0))
    for norm in (network.first, network.second):
        assert norm.momentum == momentum
        assert norm.num_batches_tracked is not None
        assert int(norm.num_batches_tracked) == 3


def test_later_norms_see_batches_normalized_as_in_training_and_nothing_dropped() -> None:
    network = Network()
    recalibrate_batch_norms(network, SPLIT, images=20, batch_size=20)
    expected = network.linear(network.hidden(IMAGES)).detach()
    torch.testing.assert_close(statistics(network.second)[0], expected.mean(0))


def test_weights_and_modes_stay() -> None:
    network = Network()
    network.dropout.eval()
    before = {name: parameter.clone() for name, parameter in network.named_parameters()}
    modes = [module.training for module in network.modules()]
    recalibrate_batch_norms(network, SPLIT, images=20, batch_size=5)
    assert all(torch.equal(parameter, before[name]) for name, parameter in network.named_parameters())
    assert [module.training for module in network.modules()] == modes


def test_images_are_moved_as_in_training() -> None:
    network = Network()
    torch.manual_seed(1)
    recalibrate_batch_norms(network, SPLIT, images=20, batch_size=20, augment_shift=2, augment_flip=True)
    torch.manual_seed(1)
    moved = augmented(IMAGES, 2, augment_flip=True)
    assert not torch.equal(moved, IMAGES)
    torch.testing.assert_close(statistics(network.first)[0], network.conv(moved).mean((0, 2, 3)).detach())


@pytest.mark.parametrize(("images", "batch_size"), [(1, 4), (3, 4), (100, 64), (1, 1)])
def test_at_least_one_batch_is_measured(images: int, batch_size: int) -> None:
    network = Network()
    recalibrate_batch_norms(network, SPLIT, images, batch_size)
    assert network.first.num_batches_tracked is not None
    assert int(network.first.num_batches_tracked) == 1


def test_norms_without_running_statistics_and_networks_without_norms_stay() -> None:
    for layers in ([nn.Conv2d(2, 3, 3)], [nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, track_running_stats=False)]):
        network = nn.Sequential(*layers)
        recalibrate_batch_norms(network, SPLIT, images=20, batch_size=5)
        assert not any(name.endswith("mean") for name, _ in network.named_buffers())
