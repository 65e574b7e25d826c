from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import numpy as safetensors_numpy
from safetensors import safe_open

from compress.base.errors import CodesignError
from compress.base.tensor_file import split_file, with_sorted_header
from compress.model import model_file as modelfile
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer, LayerKind
from compress.model.model_file import load_model, save_model
from compress.model.requantization import Requantization
from tests.compress.model.graphs import assert_same, branching
from tests.compress.model.mutations import mutate
from tests.compress.model.random_graphs import every_operation


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models") / "model.safetensors"


def test_graphs_are_loaded_as_they_were(tmp_path: Path) -> None:
    save_model(branching(), tmp_path / "model")
    assert_same(load_model(tmp_path / "model"), branching())


def test_members_of_wrong_types_are_never_written(tmp_path: Path) -> None:
    wrong = replace(branching().layers[0], dilation=(np.int64(1), 1))  # type: ignore[arg-type]
    with pytest.raises(CodesignError, match=r"node 'conv': dilation\.0 = .*valid integer"):
        save_model(CompressedModel.chain((wrong,)), tmp_path / "model")


def test_what_was_saved_is_loaded(model: CompressedModel, tmp_path: Path) -> None:
    save_model(model, tmp_path / "model")
    assert_same(load_model(tmp_path / "model"), model)


@given(levels=st.integers(-128, 128), scale=st.floats(1e-6, 10), name=st.text(min_size=1, max_size=9))
@settings(deadline=None, max_examples=40)
def test_any_name_and_number_survives(place: Path, levels: int, scale: float, name: str) -> None:
    layer = _last_layer(levels, scale, name)
    model = CompressedModel.chain((layer,), {name: [scale, None, True]})
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
    save_model(CompressedModel.chain((_last_layer(7, 0.1, "fc"),), {"seed": 1}), path)
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
        monkeypatch.setattr(modelfile, "SCHEMA", 3)
        save_model(model, tmp_path / "model")
        with pytest.raises(CodesignError, match="schema version 3, this toolkit reads 1 and 2"):
            load_model(tmp_path / "model")

    @pytest.mark.parametrize(
        ("change", "cause"),
        [
            (lambda tensors, _: tensors.pop("fc.bias"), "'fc': there is no array fc.bias"),
            (lambda tensors, _: tensors.update(extra=np.ones(1)), "unused arrays extra"),
            (lambda tensors, _: tensors.update({"fc.bias": np.zeros(2, np.int32)}), "bias must be int32 with 3"),
            (lambda tensors, _: tensors.update({"fc.levels": tensors["fc.levels"][:, :15]}), "'fc': 16 input channels"),
            (lambda tensors, _: tensors.update({"fc.levels": tensors["fc.levels"].astype(np.int8)}), "int16"),
            (lambda _, model: model["nodes"][0]["op"].pop("stride"), "'conv': stride: field required"),
            (lambda _, model: model["nodes"][0].pop("name"), "node 1: name: field required"),
            (lambda _, model: model["nodes"][0]["op"].update(colour="red"), "'conv': colour = 'red'"),
            (lambda _, model: model["nodes"][0]["op"].update(kind="conv3d"), "'conv': op = .*'conv3d'"),
            (lambda _, model: model["nodes"][0]["op"].update(padding=[0, 0]), "inconsistent"),
            (lambda _, model: model["nodes"][0]["op"].update(interval="wide"), "'conv': interval = 'wide'"),
            (lambda _, model: model["nodes"][0]["op"].update(interval=-1.0), "'conv': interval must be positive"),
            (
                lambda _, model: model["nodes"][0]["op"].update(relu=3),
                "'conv': relu = 3: input should be a valid boolean",
            ),
            (lambda _, model: model["nodes"][2]["op"].update(relu="xxxx"), "'fc': relu = 'xxxx'"),
            (lambda _, model: model["nodes"][0]["op"].update(input_scale=True), "'conv': input_scale = True"),
            (lambda _, model: model["nodes"][0]["op"].update(input_shape=""), "'conv': input_shape = ''"),
            (
                lambda _, model: model["nodes"][0]["op"].update(input_shape=[1, 2**60, 8]),
                "'conv': a size, stride or padding",
            ),
            (lambda _, model: model["nodes"][0]["op"].update(groups=1.0), "'conv': groups = 1.0"),
            (lambda _, model: model["nodes"][0]["op"].update(requantization={"shift": 1}), "requantization.multiplier"),
            (
                lambda _, model: model["nodes"][0]["op"]["requantization"].update(multiplier=512),
                "'conv': requantization",
            ),
            (lambda _, model: model["nodes"][0]["op"]["pool"].update(stride=[0, 1]), "'conv': pool kernel"),
            (lambda _, model: model.update(provenance=[]), r"provenance = \[\]"),
            (lambda _, model: model.update(provenance={"loss": float("nan")}), "not JSON compliant"),
            (lambda _, model: model.update(nodes=[]), r"nodes = \[\]"),
            (lambda _, model: model["nodes"].pop(), "unused arrays"),
            (lambda _, model: model["nodes"].reverse(), "inconsistent"),
            (lambda _, model: model["nodes"][1].update(inputs=["conv", "fc"]), "reads 'fc', which is no node before"),
            (lambda _, model: model["nodes"][1].update(inputs=[0]), r"'fc.flatten': inputs.0 = 0"),
            (lambda _, model: model["nodes"][1]["op"].update(shape=[1.0]), r"'fc.flatten': shape.0 = 1.0"),
            (lambda _, model: model["nodes"][1]["op"].update(shape=[2**64]), r"'fc.flatten': shape.0 = "),
            (lambda _, model: model["nodes"][1]["op"].update(shape=[15]), "'fc.flatten': .* cannot become"),
            (lambda _, model: model["nodes"][1]["op"].pop("kind"), "'fc.flatten': op = "),
            (lambda _, model: model["nodes"][1].update(name="conv"), "node names repeat"),
            (lambda _, model: model["nodes"][0]["op"].update(dense_shape=[3, 2, 1]), "dense_shape"),
            (lambda _, model: model["input"].update(signed=True), "signed codes"),
            (lambda _, model: model["input"].pop("scale"), "input.scale: field required"),
            (lambda _, model: model.update(answer="conv"), "nothing reads 'fc'"),
        ],
    )
    def test_a_sealed_file_with_wrong_content(
        self, model: CompressedModel, tmp_path: Path, change: Callable[[dict[str, Any], Any], object], cause: str
    ) -> None:
        path = tmp_path / "model"
        save_model(model, path)
        metadata = split_file(path.read_bytes())[0]["__metadata__"]
        tensors = safetensors_numpy.load(path.read_bytes())
        description = json.loads(metadata["model"])
        change(tensors, description)
        path.write_bytes(_sealed(tensors, json.dumps(description)))
        with pytest.raises(CodesignError, match=cause) as error:
            load_model(path)
        assert str(path) in error.value.cause

    @pytest.mark.parametrize("value", [{1, 2}, float("nan"), object()])
    def test_provenance_that_is_no_json_leaves_no_file(
        self, model: CompressedModel, tmp_path: Path, value: object
    ) -> None:
        with pytest.raises(CodesignError, match=r"cannot be written: (provenance\.seed|.*JSON compliant)"):
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


def _sealed(tensors: dict[str, Any], description: str) -> bytes:
    """A file with another description and the checksum it needs."""
    metadata = {
        "format": modelfile.FORMAT,
        "model": description,
        "schema": str(modelfile.SCHEMA),
        "checksum": modelfile.NO_CHECKSUM,
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    return modelfile._seal(with_sorted_header(safetensors_numpy.save(arrays, metadata)))


@pytest.fixture(params=["chain", "graph", "every operation"])
def any_model(request: pytest.FixtureRequest, model: CompressedModel) -> CompressedModel:
    return {"chain": lambda: model, "graph": branching, "every operation": every_operation}[request.param]()


def _is_accepted(path: Path) -> bool:
    """Whether a file is a model; any exception but a CodesignError, and a model that changes when written, fails."""
    try:
        found = load_model(path)
    except CodesignError:
        return False
    save_model(found, path)
    assert_same(load_model(path), found)
    return True


def test_a_changed_description_is_refused_or_a_model_that_can_be_written_again(
    any_model: CompressedModel, place: Path
) -> None:
    save_model(any_model, place)
    content, random, accepted = place.read_bytes(), Random(0), 0
    tensors, metadata = safetensors_numpy.load(content), split_file(content)[0]["__metadata__"]
    description = json.loads(metadata["model"])
    for _ in range(1000):
        place.write_bytes(_sealed(tensors, json.dumps(mutate(description, random))))
        accepted += _is_accepted(place)
    assert 0 < accepted < 500


def test_changed_bytes_under_a_matching_checksum_are_refused_or_a_model(
    any_model: CompressedModel, place: Path
) -> None:
    save_model(any_model, place)
    content, random = place.read_bytes(), Random(1)
    checksum = split_file(content)[0]["__metadata__"]["checksum"].encode()
    unsealed = content.replace(checksum, modelfile.NO_CHECKSUM.encode(), 1)
    for _ in range(1000):
        changed = bytearray(unsealed)
        for _ in range(random.randint(1, 3)):
            at = random.randrange(len(changed))
            changed[at : at + random.randint(0, 2)] = random.randbytes(random.randint(0, 2))
        place.write_bytes(modelfile._seal(bytes(changed)))
        _is_accepted(place)
