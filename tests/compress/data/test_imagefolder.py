from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset, load_dataset
from compress.data.imagefolder import FolderImages, list_images
from compress.methods.prune import prune_admm
from compress.train.training import accuracy

COLOURS = {"blue": (0, 0, 255), "red": (255, 0, 0)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part, count in (("train", 7), ("val", 2)):
        for name, colour in COLOURS.items():
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(count):
                picture = Image.new("RGB", (20 + number, 16), colour)
                picture.save(tmp_path / part / name / f"{number}.{'jpg' if number % 2 else 'png'}")
    return tmp_path


@pytest.fixture
def dataset(folder: Path) -> Dataset:
    return load_dataset("imagefolder:8", seed=0, folder=folder)


def test_images_are_read_with_their_classes(dataset: Dataset) -> None:
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (13, 1, 4)
    assert dataset.input_shape == (3, 8, 8)
    images = dataset.test.images[torch.arange(4)]
    assert images.shape == (4, 3, 8, 8)
    expected = torch.tensor([[0.0, 0.0, 1.0]] * 2 + [[1.0, 0.0, 0.0]] * 2)  # jpeg is not exact
    torch.testing.assert_close(images.mean(dim=(2, 3)), expected, rtol=0, atol=0.01)
    assert dataset.test.labels.tolist() == [0, 0, 1, 1]


def test_slices_read_what_positions_read(dataset: Dataset) -> None:
    assert torch.equal(dataset.train.images[2:5], dataset.train.images[torch.tensor([2, 3, 4])])
    assert dataset.train.take(3).images.shape == (3, 3, 8, 8)


def test_the_centre_is_cut_out(tmp_path: Path) -> None:
    picture = Image.new("L", (64, 32), 0)
    picture.paste(255, (16, 0, 48, 32))
    for part in ("train", "val"):
        (tmp_path / part / "one").mkdir(parents=True)
        for number in range(2):
            picture.save(tmp_path / part / "one" / f"{number}.png")
    images = load_dataset("imagefolder:28", seed=0, folder=tmp_path).test.images[:1]
    assert torch.equal(images, torch.ones(1, 3, 28, 28))


def test_a_network_is_trained_and_pruned_on_it(dataset: Dataset, folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3, stride=3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))
    config = AdmmConfig(iterations=8, retrain_epochs=8, batch_size=4, learning_rate=1e-2)
    result = prune_admm(network, dataset, {"*": 0.5}, config, tmp_path / "checkpoint")
    assert int(result.masks["3"].sum()) == 16
    assert accuracy(network, dataset.test) == 1.0


def identity(dataset: Dataset) -> Tensor:
    """What a checkpoint knows the training images by."""
    assert isinstance(dataset.train.images, FolderImages)
    return dataset.train.images.identity()


def test_a_checkpoint_of_other_files_is_refused(dataset: Dataset, folder: Path, tmp_path: Path) -> None:
    assert torch.equal(identity(dataset), identity(dataset))
    other = load_dataset("imagefolder:9", seed=0, folder=folder)
    assert not torch.equal(identity(dataset), identity(other))


def test_missing_and_damaged_images_are_clear_errors(folder: Path) -> None:
    with pytest.raises(CodesignError, match="no folders of images"):
        list_images(folder / "train" / "red")
    with pytest.raises(CodesignError, match="other classes than the training images: it lacks green and also has red"):
        list_images(folder / "val", ("blue", "green"))
    (folder / "empty" / "class").mkdir(parents=True)
    with pytest.raises(CodesignError, match=r"class folder .*empty/class holds no image"):
        list_images(folder / "empty")
    (folder / "val" / "red" / "0.png").write_bytes(b"no image")
    with pytest.raises(CodesignError, match="cannot read the image"):
        load_dataset("imagefolder:8", seed=0, folder=folder).test.images[:4]


@pytest.mark.parametrize("name", ["imagefolder:x", "digits:8", "imagenet"])
def test_an_unknown_name_is_a_clear_error(name: str, folder: Path) -> None:
    with pytest.raises(CodesignError, match="unknown data set"):
        load_dataset(name, seed=0, folder=folder)


def test_hidden_folders_and_files_that_are_no_images_do_not_count(folder: Path) -> None:
    (folder / "train" / ".ipynb_checkpoints").mkdir()
    (folder / "val" / ".git").mkdir()
    (folder / "train" / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (folder / "train" / "red" / "._0.png").write_bytes(b"\0\5\26\7")
    (folder / "train" / "red" / "notes.txt").write_text("of last year")
    (folder / "train" / "red" / "Thumbs.db").write_bytes(b"\xd0\xcf")
    dataset = load_dataset("imagefolder:8", seed=0, folder=folder)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (13, 1, 4)


@pytest.mark.parametrize("part", ["train", "val"])
def test_a_class_without_an_image_is_told_by_its_folder(folder: Path, part: str) -> None:
    for path in (folder / part / "red").iterdir():
        path.rename(path.with_suffix(".txt"))
    with pytest.raises(CodesignError, match=rf"class folder .*{part}/red holds no image"):
        load_dataset("imagefolder:8", seed=0, folder=folder)


@pytest.mark.parametrize("suffix", [".webp", ".bmp", ".tif", ".PNG", ".jfif", ".pbm", ".pnm"])
def test_other_kinds_of_images_are_read_too(folder: Path, suffix: str) -> None:
    Image.new("RGB", (16, 16)).save(folder / "val" / "red" / f"more{suffix}")
    assert len(load_dataset("imagefolder:8", seed=0, folder=folder).test) == 5


@pytest.mark.parametrize("name", ["moving.gif", "old.tga", "icon.ICO"])
def test_an_image_of_a_kind_that_is_not_read_is_told_by_name(folder: Path, name: str) -> None:
    Image.new("L", (16, 16)).save(folder / "train" / "red" / name)
    with pytest.raises(CodesignError, match=rf"red/{name} has a format that is not supported"):
        load_dataset("imagefolder:8", seed=0, folder=folder)


@pytest.mark.parametrize("part", ["train", "val"])
def test_a_folder_within_a_class_is_told_by_name(folder: Path, part: str) -> None:
    (folder / part / "red" / "dark").mkdir()
    with pytest.raises(CodesignError, match=rf"{part}/red holds the folder dark, whose images would not be read"):
        load_dataset("imagefolder:8", seed=0, folder=folder)


@pytest.mark.parametrize("target", ["loop.png", "nothing.png", "."])
def test_a_link_to_no_file_is_told_by_name(folder: Path, target: str) -> None:
    (folder / "val" / "red" / "loop.png").symlink_to(target)
    with pytest.raises(CodesignError, match=r"red/loop\.png is not a file"):
        load_dataset("imagefolder:8", seed=0, folder=folder)


def test_a_loop_of_folders_is_told_as_a_class_without_an_image(folder: Path) -> None:
    (folder / "train" / "again").symlink_to("..")
    with pytest.raises(CodesignError, match=r"train/again holds no image"):
        load_dataset("imagefolder:8", seed=0, folder=folder)


def test_file_names_that_are_no_text_are_read(folder: Path) -> None:
    (folder / "train" / "red" / "0.png").rename(folder / "train" / "red" / os.fsdecode(b"\xff\xfe.png"))
    assert len(identity(load_dataset("imagefolder:8", seed=0, folder=folder))) == 32


@pytest.mark.parametrize("size", ["0", "\N{SUPERSCRIPT TWO}", "-1", "99999", "1.5", " 8"])
def test_a_size_that_is_none_is_a_clear_error(folder: Path, size: str) -> None:
    with pytest.raises(CodesignError, match="unknown data set"):
        load_dataset(f"imagefolder:{size}", seed=0, folder=folder)
