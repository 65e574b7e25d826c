import gzip
import os
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
import torch

from compress.base.errors import CodesignError
from compress.data.datasets import Dataset, Split, load_dataset

NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def write_idx(path: Path, array: np.ndarray, zipped: bool) -> None:
    content = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.with_name(path.name + ".gz" * zipped).write_bytes(gzip.compress(content) if zipped else content)


def write_mnist(folder: Path, zipped: bool = True, train: int = 24, test: int = 5) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for part, count in (("train", train), ("test", test)):
        images_name, labels_name = NAMES[part]
        write_idx(folder / images_name, random.integers(0, 256, (count, 28, 28), dtype=np.uint8), zipped)
        write_idx(folder / labels_name, random.integers(0, 10, count, dtype=np.uint8), zipped)


class TestDigits:
    def test_the_splits_hold_every_image_once(self, digits: Dataset) -> None:
        parts = (digits.train, digits.validation, digits.test)
        assert [len(part) for part in parts] == [1167, 270, 360]
        rows = torch.cat([part.images for part in parts]).flatten(1) * 16
        bundled = torch.from_numpy(sklearn.datasets.load_digits().data).float()
        assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, bundled.tolist()))

    def test_images_are_8x8_in_the_unit_interval(self, digits: Dataset) -> None:
        assert digits.input_shape == (1, 8, 8)
        assert digits.train.images.min() == 0
        assert digits.train.images.max() == 1

    def test_every_split_has_the_classes_in_equal_portions(self, digits: Dataset) -> None:
        for part in (digits.train, digits.validation, digits.test):
            counts = torch.bincount(part.labels, minlength=10)
            assert (counts / len(part) - 0.1).abs().max() < 0.01

    def test_the_seed_decides_the_split(self, digits: Dataset) -> None:
        assert torch.equal(load_dataset("digits", seed=0).test.images, digits.test.images)
        assert not torch.equal(load_dataset("digits", seed=1).test.images, digits.test.images)


class TestMnist:
    @pytest.mark.parametrize("zipped", [True, False])
    @pytest.mark.parametrize("below", ["mnist", "."])
    def test_files_are_found_zipped_or_not_in_the_folder_or_below(
        self, tmp_path: Path, zipped: bool, below: str
    ) -> None:
        write_mnist(tmp_path / below, zipped)
        data = load_dataset("mnist", seed=0, folder=tmp_path)
        assert [len(part) for part in (data.train, data.validation, data.test)] == [22, 2, 5]
        assert data.input_shape == (1, 28, 28)
        assert data.test.images.max() == 1

    def test_the_environment_names_the_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_mnist(tmp_path)
        monkeypatch.setenv("CODESIGN_DATA", str(tmp_path))
        assert len(load_dataset("mnist", seed=0).test) == 5

    def test_the_seed_chooses_the_validation_images(self, tmp_path: Path) -> None:
        write_mnist(tmp_path)
        first, again, other = (load_dataset("mnist", seed, tmp_path).validation for seed in (0, 0, 1))
        assert torch.equal(first.images, again.images)
        assert not torch.equal(first.images, other.images)

    def test_a_missing_file_is_a_clear_error(self, tmp_path: Path) -> None:
        write_mnist(tmp_path)
        (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
        with pytest.raises(CodesignError, match="no MNIST file t10k-labels"):
            load_dataset("mnist", seed=0, folder=tmp_path)

    def test_unequal_counts_are_a_clear_error(self, tmp_path: Path) -> None:
        write_mnist(tmp_path)
        write_idx(tmp_path / NAMES["test"][1], np.zeros(4, np.uint8), zipped=True)
        with pytest.raises(CodesignError, match=r"5 images in .* but 4 labels"):
            load_dataset("mnist", seed=0, folder=tmp_path)

    def test_images_of_another_size_are_a_clear_error(self, tmp_path: Path) -> None:
        write_mnist(tmp_path)
        write_idx(tmp_path / NAMES["train"][0], np.zeros((24, 32, 32), np.uint8), zipped=True)
        with pytest.raises(CodesignError, match="not 28x28"):
            load_dataset("mnist", seed=0, folder=tmp_path)

    def test_a_label_above_nine_is_a_clear_error(self, tmp_path: Path) -> None:
        write_mnist(tmp_path)
        write_idx(tmp_path / NAMES["test"][1], np.full(5, 10, np.uint8), zipped=True)
        with pytest.raises(CodesignError, match="holds a label 10"):
            load_dataset("mnist", seed=0, folder=tmp_path)

    def test_without_a_folder_it_is_downloaded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("CODESIGN_DATA", raising=False)
        monkeypatch.setattr("compress.data.mnist.MNIST_TEST_IMAGES", 5)
        rows = np.arange(29 * 784).reshape(29, 784) % 256
        labels = np.array([str(row % 10) for row in range(29)], dtype=object)
        monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda *_, **__: (rows, labels))
        data = load_dataset("mnist", seed=0)
        assert data.test.labels.tolist() == [4, 5, 6, 7, 8]
        assert torch.equal(data.test.images.flatten() * 255, torch.from_numpy(rows[24:].astype(np.float32)).flatten())

    def test_a_failed_download_is_a_clear_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object, **__: object) -> None:
            warnings.warn("A network error occurred. Retrying", stacklevel=1)  # which nobody should have to read
            raise OSError("no network")

        monkeypatch.delenv("CODESIGN_DATA", raising=False)
        monkeypatch.setattr(sklearn.datasets, "fetch_openml", fail)
        with pytest.raises(CodesignError, match="no network") as error:
            load_dataset("mnist", seed=0)
        assert "CODESIGN_DATA" in error.value.next_step

    @pytest.mark.skipif("CODESIGN_DATA" not in os.environ, reason="CODESIGN_DATA does not name a folder with MNIST")
    def test_the_real_files_split_into_55000_5000_10000(self) -> None:
        data = load_dataset("mnist", seed=0)
        assert [len(part) for part in (data.train, data.validation, data.test)] == [55_000, 5_000, 10_000]
        assert data.train.images.mean() == pytest.approx(0.1307, abs=0.001)


def test_an_unknown_data_set_is_a_clear_error() -> None:
    with pytest.raises(CodesignError, match="unknown data set 'mist'"):
        load_dataset("mist", seed=0)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (torch.zeros(2, 8, 8), torch.zeros(2, dtype=torch.int64)),
        (torch.zeros(2, 1, 8, 8, dtype=torch.float64), torch.zeros(2, dtype=torch.int64)),
        (torch.zeros(0, 1, 8, 8), torch.zeros(0, dtype=torch.int64)),
        (torch.zeros(2, 1, 8, 8), torch.zeros(3, dtype=torch.int64)),
        (torch.zeros(2, 1, 8, 8), torch.zeros(2)),
        (torch.full((2, 1, 8, 8), 1.5), torch.zeros(2, dtype=torch.int64)),
        (torch.full((2, 1, 8, 8), torch.nan), torch.zeros(2, dtype=torch.int64)),
    ],
)
def test_a_split_refuses_what_is_not_images_with_labels(images: torch.Tensor, labels: torch.Tensor) -> None:
    with pytest.raises(CodesignError):
        Split(images, labels)
