"""Files of version 1, which earlier versions wrote, are still read."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from safetensors import numpy as safetensors_numpy

from compress.base.errors import CodesignError
from compress.base.tensor_file import split_file, with_sorted_header
from compress.model import model_file
from compress.model.compressed_model import CompressedModel
from compress.model.model_file import load_model, save_model
from tests.compress.model.graphs import assert_same
from tests.compress.model.mutations import mutate

WRITTEN_BY_VERSION_1 = Path(__file__).with_name("version_1.safetensors")


def test_a_file_of_version_1_is_the_same_chain(model: CompressedModel) -> None:
    assert split_file(WRITTEN_BY_VERSION_1.read_bytes())[0]["__metadata__"]["schema"] == "1"
    assert_same(load_model(WRITTEN_BY_VERSION_1), model)


def test_it_is_written_again_as_version_2(model: CompressedModel, tmp_path: Path) -> None:
    save_model(load_model(WRITTEN_BY_VERSION_1), tmp_path / "again")
    save_model(model, tmp_path / "model")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


Change = Callable[[Any], object]


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda about: about["layers"][0].pop("stride"), "layer 'conv': stride: field required"),
        (lambda about: about["layers"][0].pop("name"), "layer 1: name: field required"),
        (lambda about: about["layers"][0].update(name="fc"), "layer names repeat"),
        (lambda about: about["layers"][0].update(dilation=[1, 1]), r"layer 'conv': dilation = \[1, 1\]"),
        (lambda about: about["layers"][0].update(kind="conv3d"), "layer 'conv': kind = 'conv3d'"),
        (lambda about: about["layers"][1].update(relu=1), "layer 'fc': relu = 1"),
        (lambda about: about.update(layers=[]), r"layers = \[\]"),
        (lambda about: about["layers"].reverse(), "inconsistent"),
        (lambda about: about.update(provenance={"loss": float("nan")}), "not JSON compliant"),
    ],
)
def test_it_is_read_as_strictly_as_ever(change: Change, cause: str, tmp_path: Path) -> None:
    about = _description()
    change(about)
    (tmp_path / "model").write_bytes(_sealed(about))
    with pytest.raises(CodesignError, match=cause):
        load_model(tmp_path / "model")


def test_a_changed_description_is_refused_or_a_model(tmp_path: Path) -> None:
    random, about, accepted = Random(0), _description(), 0
    for _ in range(1000):
        (tmp_path / "model").write_bytes(_sealed(mutate(about, random)))
        try:
            found = load_model(tmp_path / "model")
        except CodesignError:
            continue
        save_model(found, tmp_path / "again")
        assert_same(load_model(tmp_path / "again"), found)
        accepted += 1
    assert 0 < accepted < 500


def _description() -> Any:
    metadata = split_file(WRITTEN_BY_VERSION_1.read_bytes())[0]["__metadata__"]
    return copy.deepcopy(json.loads(metadata["model"]))


def _sealed(description: Any) -> bytes:
    tensors = safetensors_numpy.load(WRITTEN_BY_VERSION_1.read_bytes())
    metadata = {
        "format": model_file.FORMAT,
        "model": json.dumps(description),
        "schema": "1",
        "checksum": model_file.NO_CHECKSUM,
    }
    return model_file._seal(with_sorted_header(safetensors_numpy.save(tensors, metadata)))
