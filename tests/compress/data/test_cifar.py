from pathlib import Path

import numpy as np
import pytest
import torch

from compress.base.errors import CodesignError
from compress.data.cifar import read_cifar10
from compress.data.datasets import load_dataset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Batches of four images, whose pixels and labels tell where they come from."""
    place = tmp_path / "cifar-10-batches-bin"
    place.mkdir()
    for number in range(6):
        name = f"data_batch_{number + 1}.bin" if number < 5 else "test_batch.bin"
        records = [bytes([(number + image) % 10]) + bytes([number * 40 + image] * 3072) for image in range(4)]
        (place / name).write_bytes(b"".join(records))
    return tmp_path


def test_batches_are_read_in_order(folder: Path) -> None:
    (images, labels), (test_images, test_labels) = read_cifar10(folder)
    assert images.shape == (20, 3, 32, 32)
    assert images[:, 2, 31, 31].tolist() == [number * 40 + image for number in range(5) for image in range(4)]
    assert labels[:6].tolist() == [0, 1, 2, 3, 1, 2]
    assert (test_images[0, 0, 0, 0], test_labels.tolist()) == (200, [5, 6, 7, 8])
    assert np.array_equal(read_cifar10(folder / "cifar-10-batches-bin")[0][0], images)


def test_planes_are_red_green_blue_and_rows_go_down(folder: Path) -> None:
    path = folder / "cifar-10-batches-bin" / "test_batch.bin"
    pixels = np.zeros((3, 32, 32), np.uint8)
    pixels[1, 2, 5] = 255
    path.write_bytes(bytes([7]) + pixels.tobytes())
    dataset = load_dataset("cifar10", seed=0, folder=folder)
    assert dataset.test.images.nonzero().tolist() == [[0, 1, 2, 5]]
    assert dataset.test.labels.tolist() == [7]


def test_the_data_set_holds_out_a_twelfth_for_validation(folder: Path) -> None:
    dataset = load_dataset("cifar10", seed=0, folder=folder)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (19, 1, 4)
    assert dataset.input_shape == (3, 32, 32)
    seen = torch.cat([dataset.train.images, dataset.validation.images])[:, 0, 0, 0] * 255
    assert sorted(seen.round().int().tolist()) == [number * 40 + image for number in range(5) for image in range(4)]


def test_missing_and_damaged_files_are_clear_errors(folder: Path, tmp_path: Path) -> None:
    place = folder / "cifar-10-batches-bin"
    with pytest.raises(CodesignError, match="no CIFAR-10 file"):
        read_cifar10(tmp_path / "elsewhere")
    content = (place / "data_batch_3.bin").read_bytes()
    (place / "data_batch_3.bin").write_bytes(content[:-1])
    with pytest.raises(CodesignError, match=r"data_batch_3\.bin has 12291 bytes"):
        read_cifar10(folder)
    (place / "data_batch_3.bin").write_bytes(bytes([10]) + content[1:])
    with pytest.raises(CodesignError, match="a label 10"):
        read_cifar10(folder)
    (place / "data_batch_3.bin").unlink()
    with pytest.raises(CodesignError, match="cannot read"):
        read_cifar10(folder)


def test_without_a_folder_there_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CODESIGN_DATA", raising=False)
    with pytest.raises(CodesignError, match="cifar10 is not bundled"):
        load_dataset("cifar10", seed=0)
