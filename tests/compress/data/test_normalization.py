from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from compress.base.errors import CodesignError
from compress.data.datasets import Dataset, Split, load_dataset
from compress.data.normalization import Normalization

MEANS = st.lists(st.floats(-2, 2, width=32), min_size=3, max_size=3)
STDS = st.lists(st.floats(2**-6, 4, width=32), min_size=3, max_size=3)


def random_split(seed: int, channels: int = 3) -> Split:
    pixels = torch.randint(0, 256, (5, channels, 4, 6), generator=torch.Generator().manual_seed(seed)) / 255
    return Split(pixels, torch.zeros(5, dtype=torch.int64))


@given(MEANS, STDS, st.integers(0, 1000))
def test_the_network_reads_normalized_images_and_codes_of_pixels_stay_exact(
    mean: list[float], std: list[float], seed: int
) -> None:
    plain = random_split(seed)
    split = plain.normalized(Normalization.of(mean, std, 3))
    for channel in range(3):
        expected = (plain.images[:, channel] - mean[channel]) / std[channel]
        assert torch.allclose(split.images[:, channel], expected, rtol=1e-5, atol=1e-5)
    assert torch.equal((split.pixels * 255).round(), (plain.images * 255).round())
    assert torch.equal((split.take(2).pixels * 255).round(), (plain.images[:2] * 255).round())
    again = split.normalized(None)
    assert again.normalization is None
    assert torch.equal((again.images * 255).round(), (plain.images * 255).round())


def test_without_numbers_nothing_is_normalized() -> None:
    assert Normalization.of(None, None, 3) is None
    split = random_split(0)
    assert split.normalized(None).images is split.images
    assert split.pixels is split.images


def test_one_number_stands_for_all_channels() -> None:
    assert Normalization.of([0.5], None, 3) == Normalization((0.5,) * 3, (1.0,) * 3)
    assert Normalization.of(None, [0.5], 3) == Normalization((0.0,) * 3, (0.5,) * 3)


@pytest.mark.parametrize(
    ("mean", "std", "told"),
    [
        ([0.5, 0.5], None, "the data's mean has 2 numbers, the images have 3 channels"),
        (None, [0.5] * 4, "the data's std has 4 numbers"),
        (None, [0.0], "std"),
        (None, [0.5, -0.5, 0.5], "std"),
        ([float("nan")], None, "mean"),
        (None, [float("inf")], "std"),
    ],
)
def test_numbers_that_cannot_normalize_are_refused(
    mean: list[float] | None, std: list[float] | None, told: str
) -> None:
    with pytest.raises(CodesignError, match=told):
        Normalization.of(mean, std, 3)


def test_images_that_are_not_of_pixels_in_the_unit_interval_are_refused() -> None:
    normalization = Normalization((0.5,), (0.25,))
    for image in (-2.0, 2.0):
        Split(torch.full((1, 1, 2, 2), image), torch.zeros(1, dtype=torch.int64), normalization=normalization)
    for image in (-2.1, 2.1, float("nan")):
        with pytest.raises(CodesignError, match=r"pixels in \[0, 1\]"):
            Split(torch.full((1, 1, 2, 2), image), torch.zeros(1, dtype=torch.int64), normalization=normalization)


def test_all_splits_of_a_data_set_are_normalized(digits: Dataset) -> None:
    normalized = digits.normalized([0.3], [0.2])
    for name in ("train", "validation", "test"):
        assert torch.allclose(getattr(normalized, name).images, (getattr(digits, name).images - 0.3) / 0.2)
        assert torch.equal(getattr(normalized, name).labels, getattr(digits, name).labels)


def test_photos_are_normalized_when_they_are_read(tmp_path: Path) -> None:
    for place in ("train/a", "train/b", "val/a", "val/b"):
        (tmp_path / place).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (8, 8), (51, 102, 153)).save(tmp_path / place / f"{number}.png")
    plain = load_dataset("imagefolder:8", 0, tmp_path)
    normalized = plain.normalized([0.2, 0.2, 0.2], [0.2, 0.4, 0.5])
    found = normalized.train.images[:1].mean(dim=(0, 2, 3))
    assert torch.allclose(found, torch.tensor([0.0, 0.5, 0.8]), atol=1e-6)
    assert torch.equal(normalized.train.pixels[:1], plain.train.images[:1])
    assert torch.allclose(normalized.train.take(1).pixels, plain.train.images[:1])
    assert not torch.equal(normalized.train.images.identity(), plain.train.images.identity())  # type: ignore[attr-defined]
