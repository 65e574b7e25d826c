import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer
from compress.model.model_file import save_model
from compress.storage.archive import decode_model, encode_model, read_model, save_archive
from compress.storage.usual_description import USUAL
from tests.codesign.models import small_model
from tests.compress.model.graphs import assert_same, branching

WRITTEN_BY_VERSION_1 = Path(__file__).with_name("lenet5-305x-version-1.packed")


def with_levels(layer: CompressedLayer, seed: int, different: int, density: float) -> CompressedLayer:
    """Random levels, at most so many different ones."""
    random = np.random.default_rng(seed)
    half = 2 ** (layer.weight_bits - 1)
    values = random.choice([*range(-half, 0), *range(1, half + 1)], size=min(different, 2 * half), replace=False)
    levels = random.choice(values, size=layer.levels.shape) * (random.random(layer.levels.shape) < density)
    return replace(layer, levels=levels.astype(np.int16))


@given(st.integers(0, 2**31), st.integers(1, 300), st.floats(0, 1))
def test_a_model_comes_back_as_it_was(seed: int, different: int, density: float) -> None:
    model = small_model()
    layers = tuple(with_levels(layer, seed + n, different, density) for n, layer in enumerate(model.layers))
    model = CompressedModel.chain(layers, {"data": "digits", "seed": seed})
    assert_same(decode_model(encode_model(model)), model)


def test_one_model_is_one_sequence_of_bytes(tmp_path: Path) -> None:
    size = save_archive(small_model(), tmp_path / "a.packed")
    assert (tmp_path / "a.packed").read_bytes() == encode_model(small_model())
    assert (tmp_path / "a.packed").stat().st_size == size


def test_a_graph_comes_back_as_it_was() -> None:
    assert_same(decode_model(encode_model(branching())), branching())


def test_archives_of_version_1_are_read_and_written_smaller() -> None:
    content = WRITTEN_BY_VERSION_1.read_bytes()
    model = decode_model(content)
    assert content.startswith(b"CDA1")
    assert_same(decode_model(encode_model(model)), model)
    assert len(encode_model(model)) < len(content)


def test_the_dictionary_stays_since_archives_need_the_very_bytes() -> None:
    assert hashlib.sha256(USUAL).hexdigest() == "6d5faac9bbcacdb6f818a6240444106fc61b7095ee34a6be5e3f323ec9649f0e"


def test_either_kind_of_file_is_read(tmp_path: Path) -> None:
    save_archive(small_model(), tmp_path / "a")
    save_model(small_model(), tmp_path / "b")
    for name in ("a", "b"):
        assert_same(read_model(tmp_path / name), small_model())
    with pytest.raises(CodesignError, match="cannot read the model"):
        read_model(tmp_path / "c")


@given(st.data())
def test_no_altered_byte_goes_unseen(data: st.DataObject) -> None:
    content = bytearray(encode_model(small_model()))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CodesignError, match="this file is"):
        decode_model(bytes(content), "this file")


@given(st.data())
def test_no_truncation_and_nothing_added_goes_unseen(data: st.DataObject) -> None:
    content = encode_model(small_model())
    cut = data.draw(st.integers(0, len(content) - 1))
    for other in (content[:cut], content + b"\0" * (cut + 1)):
        with pytest.raises(CodesignError):
            decode_model(other)


def test_weights_of_another_layer_are_refused() -> None:
    model = small_model()
    first = encode_model(model)
    renamed = CompressedModel.chain((replace(model.layers[0], name="other"), *model.layers[1:]), model.provenance)
    second = encode_model(renamed)
    lengths = [8 + int.from_bytes(content[4:8], "little") for content in (first, second)]
    with pytest.raises(CodesignError, match="stand where 'other' should"):
        decode_model(second[: lengths[1]] + first[lengths[0] :])
