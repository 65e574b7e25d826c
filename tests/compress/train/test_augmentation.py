import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from compress.train.augmentation import Moves, augmented


@pytest.mark.parametrize("shift", [1, 2])
def test_every_shift_is_a_crop_of_the_padded_image(shift: int) -> None:
    images = torch.rand(50, 2, 4, 5)
    offsets = torch.randint(0, 2 * shift + 1, (2, 50, 1), generator=torch.Generator().manual_seed(0))
    moved = Moves(shift, offsets, None).apply(images)
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


@given(count=st.integers(1, 9), shift=st.integers(0, 2), flip=st.booleans(), processes=st.integers(1, 4))
def test_a_part_is_moved_as_in_the_whole_batch(count: int, shift: int, flip: bool, processes: int) -> None:
    images, moves = torch.rand(count, 2, 3, 4), Moves.drawn(count, shift, flip)
    whole = moves.apply(images)
    for first in range(processes):
        part = slice(first, None, processes)
        assert torch.equal(moves.of(part).apply(images[part]), whole[part])


@given(st.integers(1, 9))
def test_flips_mirror_images_whose_number_is_one(count: int) -> None:
    images, moves = torch.rand(count, 2, 3, 4), Moves.drawn(count, 0, flip=True)
    assert moves.flips is not None
    for image, moved, flipped in zip(images, moves.apply(images), moves.flips.tolist(), strict=True):
        assert torch.equal(moved, image.flip(2) if flipped else image)


@pytest.mark.parametrize("flip", [False, True])
def test_augmented_images_are_laid_out_as_networks_read_them(flip: bool) -> None:
    assert augmented(torch.rand(3, 2, 5, 4), 1, flip).is_contiguous()
    assert not Moves.drawn(3, 1, flip).apply(torch.rand(3, 2, 5, 4)).is_contiguous()
