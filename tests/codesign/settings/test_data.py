from __future__ import annotations

from pathlib import Path

import pytest

from codesign.settings.data import Data
from codesign.settings.run_config import RunConfig
from compress.base.errors import CodesignError
from compress.data.normalization import Normalization


def test_the_images_are_read_once_for_all_stages() -> None:
    data = Data.of("digits", None, 0)
    assert data.load() is Data.of("digits", None, 0).load()
    assert data.load() is not Data.of("digits", None, 1).load()


def test_it_changes_with_its_files(tmp_path: Path) -> None:
    image = tmp_path / "train" / "cat" / "a.png"
    image.parent.mkdir(parents=True)
    found = [Data.of("imagefolder", str(tmp_path), 0)]
    for content in (b"a", b"longer"):
        image.write_bytes(content)
        found += [Data.of("imagefolder", str(tmp_path), 0)] * 2
    assert len(set(found)) == 3


def test_missing_files_are_told_when_they_are_read(tmp_path: Path) -> None:
    data = Data.of("cifar10", str(tmp_path), 0)
    assert data.files == ""
    with pytest.raises(CodesignError, match=str(tmp_path)):
        data.load()


def test_a_normalization_of_the_run_file_is_applied_and_changes_the_key() -> None:
    network, data = {"name": "digits-net"}, {"name": "digits"}
    plain = Data.of_run(RunConfig.model_validate({"network": network, "data": data}))
    normalized = Data.of_run(
        RunConfig.model_validate({"network": network, "data": {**data, "mean": [0.3], "std": [0.2]}})
    )
    assert plain == Data.of("digits", None, 0)
    assert normalized != plain
    assert normalized.load().train.normalization == Normalization((0.3,), (0.2,))
