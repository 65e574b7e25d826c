import pytest
import torch
from torch import nn
from torch.nn import functional

from compress.base.errors import CodesignError
from compress.data.datasets import Dataset, Split
from compress.train import epoch
from compress.train.epoch import _batches as batches
from compress.train.epoch import evaluate, smallest_share, train_epoch


def test_evaluation_does_not_depend_on_batches(trained: nn.Module, digits: Dataset) -> None:
    logits = trained(digits.train.images).detach()
    loss, correct = evaluate(trained, digits.train)  # 1167 images: two batches
    assert loss == pytest.approx(float(functional.cross_entropy(logits, digits.train.labels)), rel=1e-4)
    assert correct == float((logits.argmax(1) == digits.train.labels).double().mean())


@pytest.mark.parametrize(
    ("images", "batch_size", "sizes"),
    [(9, 4, [4, 5]), (8, 4, [4, 4]), (10, 4, [4, 4, 2]), (1, 4, [1]), (3, 1, [1, 1, 1])],
)
def test_no_batch_of_one_image_is_left_over(images: int, batch_size: int, sizes: list[int]) -> None:
    parts = batches(torch.arange(images), batch_size)
    assert [len(part) for part in parts] == sizes
    assert torch.cat(parts).tolist() == list(range(images))


@pytest.mark.parametrize(
    ("images", "batch_size", "smallest"), [(9, 4, 4), (10, 4, 2), (1, 4, 1), (3, 1, 1), (3, 2, 3), (4, 2, 2)]
)
def test_the_smallest_share_is_that_of_the_smallest_batch(images: int, batch_size: int, smallest: int) -> None:
    assert smallest_share(images, batch_size) == smallest


@pytest.mark.parametrize(("processes", "batch_size", "smallest"), [(2, 4, 2), (2, 3, 1), (4, 4, 1), (8, 4, 1)])
def test_processes_divide_a_batch(
    processes: int, batch_size: int, smallest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epoch, "world_size", lambda: processes)
    assert smallest_share(60, batch_size) == smallest


@pytest.mark.parametrize("label", [-100, -1, 10])
def test_a_label_without_an_output_is_a_clear_error(trained: nn.Module, digits: Dataset, label: int) -> None:
    split = Split(digits.train.images[:3], torch.tensor([0, label, 9]))
    with pytest.raises(CodesignError, match=rf"labels {min(label, 0)} to {max(label, 9)}, the network has 10 outputs"):
        evaluate(trained, split)


class _Recorder(nn.Module):
    """Keeps the images that it sees, and in which type it computes."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 2)
        self.seen: list[torch.Tensor] = []
        self.types: set[torch.dtype] = set()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.linear(images.flatten(1))
        if self.training:
            self.seen.append(images.detach())
            self.types.add(outputs.dtype)
        return outputs


def _images(count: int) -> Split:
    torch.manual_seed(0)
    return Split(torch.rand(count, 1, 2, 3), torch.zeros(count, dtype=torch.int64))


def test_half_of_the_images_are_mirrored() -> None:
    network, split = _Recorder(), _images(200)
    train_epoch(network, split, torch.optim.SGD(network.parameters(), 0.1), 20, augment_flip=True)
    originals = {image.numpy().tobytes() for image in split.images}
    mirrored = {image.flip(2).numpy().tobytes() for image in split.images}
    seen = {image.numpy().tobytes() for batch in network.seen for image in batch}
    assert len(seen) == 200
    assert seen <= originals | mirrored
    assert 60 < len(seen & mirrored) < 140


@pytest.mark.parametrize(("bfloat16", "expected"), [(False, torch.float32), (True, torch.bfloat16)])
def test_products_are_computed_in_the_asked_type_and_weights_stay_float32(
    bfloat16: bool, expected: torch.dtype
) -> None:
    network, split = _Recorder(), _images(8)
    before = network.linear.weight.detach().clone()
    loss = train_epoch(network, split, torch.optim.SGD(network.parameters(), 0.1), 4, bfloat16=bfloat16)
    assert network.types == {expected}
    assert network.linear.weight.dtype == torch.float32
    assert not torch.equal(network.linear.weight, before)
    assert loss == pytest.approx(0.7, abs=0.4)
