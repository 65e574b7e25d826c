import pytest
import torch
from torch import nn
from torch.nn import functional

from compress.data.datasets import Dataset
from compress.train.epoch import _batches as batches
from compress.train.epoch import _shifted as shifted
from compress.train.epoch import evaluate


def test_evaluation_does_not_depend_on_batches(trained: nn.Module, digits: Dataset) -> None:
    logits = trained(digits.train.images).detach()
    loss, correct = evaluate(trained, digits.train)  # 1167 images: two batches
    assert loss == pytest.approx(float(functional.cross_entropy(logits, digits.train.labels)), rel=1e-4)
    assert correct == float((logits.argmax(1) == digits.train.labels).double().mean())


@pytest.mark.parametrize("shift", [1, 2])
def test_every_shift_is_a_crop_of_the_padded_image(shift: int) -> None:
    images = torch.rand(50, 2, 4, 5)
    offsets = torch.randint(0, 2 * shift + 1, (2, 50, 1), generator=torch.Generator().manual_seed(0))
    moved = shifted(images, shift, offsets)
    padded = functional.pad(images, (shift,) * 4)
    found = set()
    for before, after in zip(padded, moved, strict=True):
        fits = [
            (row, column)
            for row in range(2 * shift + 1)
            for column in range(2 * shift + 1)
            if torch.equal(before[:, row : row + 4, column : column + 5], after)
        ]
        assert len(fits) == 1
        found.update(fits)
    assert len(found) > (2 * shift + 1) ** 2 / 2


@pytest.mark.parametrize(
    ("images", "batch_size", "sizes"),
    [(9, 4, [4, 5]), (8, 4, [4, 4]), (10, 4, [4, 4, 2]), (1, 4, [1]), (3, 1, [1, 1, 1])],
)
def test_no_batch_of_one_image_is_left_over(images: int, batch_size: int, sizes: list[int]) -> None:
    parts = batches(torch.arange(images), batch_size)
    assert [len(part) for part in parts] == sizes
    assert torch.cat(parts).tolist() == list(range(images))
