import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import numpy as safetensors_numpy
from safetensors import safe_open

from compress.base.errors import CodesignError
from compress.model import model_file as modelfile
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer, LayerKind, Requantization
from compress.model.model_file import load_model, save_model


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models") / "model.safetensors"


def assert_same(first: CompressedModel, second: CompressedModel) -> None:
    assert first.provenance == second.provenance
    assert len(first.layers) == len(second.layers)
    for one, other in zip(first.layers, second.layers, strict=True):
        for name in (field.name for field in fields(one)):
            if name in ("levels", "bias"):
                np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)
            else:
                assert getattr(one, name) == getattr(other, name), name


def test_what_was_saved_is_loaded(model: CompressedModel, tmp_path: Path) -> None:
    save_model(model, tmp_path / "model")
    assert_same(load_model(tmp_path / "model"), model)


@given(levels=st.integers(-128, 128), scale=st.floats(1e-6, 10), name=st.text(min_size=1, max_size=9))
@settings(deadline=None, max_examples=40)
def test_any_name_and_number_survives(place: Path, levels: int, scale: float, name: str) -> None:
    layer = _last_layer(levels, scale, name)
    model = CompressedModel((layer,), {name: [scale, None, True]})
    save_model(model, place)
    assert_same(load_model(place), model)


def _last_layer(level: int, scale: float, name: str) -> CompressedLayer:
    return CompressedLayer(
        name=name,
        kind=LayerKind.LINEAR,
        levels=np.full((1, 2, 1, 1), level, np.int16),
        weight_bits=8,
        interval=scale,
        bias=np.array([level], np.int32),
        input_shape=(2, 1, 1),
        requantization=Requantization.from_scale(scale),
        input_scale=scale,
        output_scale=scale,
    )


def test_any_safetensors_reader_sees_the_arrays(model: CompressedModel, tmp_path: Path) -> None:
    save_model(model, tmp_path / "model")
    with safe_open(tmp_path / "model", "np") as file:
        assert sorted(file.keys()) == ["conv.bias", "conv.levels", "fc.bias", "fc.levels"]
        np.testing.assert_array_equal(file.get_tensor("conv.levels"), model.layers[0].levels)
        assert file.metadata()["format"] == modelfile.FORMAT


def test_one_model_gives_one_sequence_of_bytes(model: CompressedModel, tmp_path: Path) -> None:
    save_model(model, tmp_path / "first")
    save_model(load_model(tmp_path / "first"), tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


@given(data=st.data())
@settings(deadline=None, max_examples=200)
def test_a_flipped_bit_anywhere_is_a_clear_error(place: Path, damaged_source: bytes, data: st.DataObject) -> None:
    content = bytearray(damaged_source)
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    place.write_bytes(content)
    with pytest.raises(CodesignError):
        load_model(place)


@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_a_truncated_file_is_a_clear_error(place: Path, damaged_source: bytes, data: st.DataObject) -> None:
    place.write_bytes(damaged_source[: data.draw(st.integers(0, len(damaged_source) - 1))])
    with pytest.raises(CodesignError):
        load_model(place)


def test_appended_bytes_are_a_clear_error(place: Path, damaged_source: bytes) -> None:
    place.write_bytes(damaged_source + b"\0")
    with pytest.raises(CodesignError):
        load_model(place)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_random_bytes_are_a_clear_error(place: Path, content: bytes) -> None:
    place.write_bytes(content)
    with pytest.raises(CodesignError):
        load_model(place)


@pytest.fixture(scope="module")
def damaged_source(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("source") / "model"
    save_model(CompressedModel((_last_layer(7, 0.1, "fc"),), {"seed": 1}), path)
    return path.read_bytes()


class TestClearErrors:
    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(CodesignError, match="No such file"):
            load_model(tmp_path / "none")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(CodesignError, match="cannot read the model"):
            load_model(tmp_path)

    @pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
    def test_a_safetensors_file_of_another_program(self, tmp_path: Path, metadata: dict[str, str] | None) -> None:
        safetensors_numpy.save_file({"weights": np.ones(3)}, tmp_path / "model", metadata)
        with pytest.raises(CodesignError, match="not a compressed model of this toolkit"):
            load_model(tmp_path / "model")

    def test_another_schema_version(
        self, model: CompressedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(modelfile, "SCHEMA", 2)
        save_model(model, tmp_path / "model")
        monkeypatch.setattr(modelfile, "SCHEMA", 1)
        with pytest.raises(CodesignError, match="schema version 2, this toolkit reads 1"):
            load_model(tmp_path / "model")

    @pytest.mark.parametrize(
        ("change", "cause"),
        [
            (lambda tensors, _: tensors.pop("fc.bias"), "incomplete"),
            (lambda tensors, _: tensors.update(extra=np.ones(1)), "unused arrays extra"),
            (lambda tensors, _: tensors.update({"fc.bias": np.zeros(2, np.int32)}), "bias must be int32 with 3"),
            (lambda tensors, _: tensors.update({"fc.levels": tensors["fc.levels"][:, :15]}), "'fc': 16 input channels"),
            (lambda tensors, _: tensors.update({"fc.levels": tensors["fc.levels"].astype(np.int8)}), "int16"),
            (lambda _, layers: layers[0].pop("stride"), "incomplete"),
            (lambda _, layers: layers[0].update(colour="red"), "incomplete"),
            (lambda _, layers: layers[0].update(kind="conv3d"), "incomplete"),
            (lambda _, layers: layers[0].update(padding=[0, 0]), "inconsistent"),
            (lambda _, layers: layers[0].update(interval="wide"), "incomplete"),
            (lambda _, layers: layers.pop(), "unused arrays"),
            (lambda _, layers: layers.reverse(), "inconsistent"),
        ],
    )
    def test_a_sealed_file_with_wrong_content(
        self, model: CompressedModel, tmp_path: Path, change: Callable[[dict[str, Any], list[Any]], object], cause: str
    ) -> None:
        path = tmp_path / "model"
        save_model(model, path)
        header, _ = modelfile._split_file(path.read_bytes())
        tensors = safetensors_numpy.load(path.read_bytes())
        metadata = header["__metadata__"]
        description = json.loads(metadata["model"])
        change(tensors, description["layers"])
        metadata |= {"model": json.dumps(description), "checksum": modelfile.NO_CHECKSUM}
        tensors = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
        content = modelfile._with_sorted_header(safetensors_numpy.save(tensors, metadata))
        path.write_bytes(modelfile._seal(content))
        with pytest.raises(CodesignError, match=cause):
            load_model(path)

    @pytest.mark.parametrize("value", [{1, 2}, float("nan"), object()])
    def test_provenance_that_is_no_json_leaves_no_file(
        self, model: CompressedModel, tmp_path: Path, value: object
    ) -> None:
        with pytest.raises(CodesignError, match="provenance is not JSON"):
            save_model(replace(model, provenance={"seed": value}), tmp_path / "model")
        assert not list(tmp_path.iterdir())

    def test_a_failed_write_keeps_the_old_file(
        self, model: CompressedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        save_model(model, tmp_path / "model")
        before = (tmp_path / "model").read_bytes()
        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(CodesignError, match="No space left"):
            save_model(replace(model, provenance={}), tmp_path / "model")
        assert (tmp_path / "model").read_bytes() == before
        assert len(list(tmp_path.iterdir())) == 1
