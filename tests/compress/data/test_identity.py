from __future__ import annotations

import os
from pathlib import Path

import pytest

from compress.data.identity import data_identity

FILES = {
    "mnist": ("mnist/train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte"),
    "cifar10": ("cifar-10-batches-bin/test_batch.bin", "data_batch_1.bin"),
    "imagefolder:16": ("train/cat/1.png", "val/dog/2.jpg"),
}


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("data", FILES)
def test_the_identity_changes_with_each_file_that_is_read(data: str, tmp_path: Path) -> None:
    seen = {data_identity(data, tmp_path)}
    assert seen == {""}
    for number, name in enumerate(FILES[data]):
        for text in ("a" * (number + 1), "b" * (number + 3)):
            write(tmp_path, name, text)
            identity = data_identity(data, tmp_path)
            assert identity not in seen
            assert identity == data_identity(data, tmp_path)
            seen.add(identity)


@pytest.mark.parametrize("data", FILES)
def test_files_that_are_not_read_do_not_count(data: str, tmp_path: Path) -> None:
    write(tmp_path, FILES[data][0], "a")
    before = data_identity(data, tmp_path)
    for name in ("notes.txt", "train/.hidden/1.png", "train/cat/.hidden.png"):
        write(tmp_path, name, "b")
    assert data_identity(data, tmp_path) == before


def test_the_same_content_at_another_time_is_the_same_data(tmp_path: Path) -> None:
    write(tmp_path, "train-images-idx3-ubyte", "a")
    before = data_identity("mnist", tmp_path)
    os.utime(tmp_path / "train-images-idx3-ubyte", (0, 0))
    assert data_identity("mnist", tmp_path) == before


def test_the_folder_is_that_of_the_environment_unless_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "train-images-idx3-ubyte", "a")
    monkeypatch.setenv("CODESIGN_DATA", str(tmp_path))
    assert data_identity("mnist") == data_identity("mnist", tmp_path) != ""
    assert data_identity("digits") == ""
    monkeypatch.delenv("CODESIGN_DATA")
    assert data_identity("mnist") == ""
