import math
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.errors import CodesignError
from compress.model import CompressedModel
from compress.packfile import PackedWeights, decode_weights, encode_weights, load_packed, save_packed
from compress.storage import layer_storage, model_storage


@st.composite
def packed_layers(draw: st.DrawFn) -> PackedWeights:
    shape = draw(st.tuples(*[st.integers(1, 6)] * 4))
    bits = draw(st.integers(1, 8))
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    half = 2 ** (bits - 1)
    levels = random.integers(1, half + 1, shape) * random.choice([-1, 1], shape)
    levels[random.random(shape) >= draw(st.sampled_from([0.0, 0.02, 0.3, 1.0]))] = 0
    return PackedWeights(draw(st.text(max_size=5)), levels.astype(np.int16), bits, draw(st.floats(1e-6, 10)))


@given(st.lists(packed_layers(), max_size=4))
@settings(deadline=None)
def test_the_same_integers_come_back_from_as_many_bits_as_stated(layers: list[PackedWeights]) -> None:
    content, header = encode_weights(layers)
    stated = sum(layer_storage(layer.name, layer.levels, layer.weight_bits).total_bits() for layer in layers)
    assert len(content) == header + math.ceil(stated / 8)
    for layer, decoded in zip(layers, decode_weights(content), strict=True):
        assert (layer.name, layer.weight_bits, layer.interval) == (decoded.name, decoded.weight_bits, decoded.interval)
        assert decoded.levels.dtype == np.int16
        assert np.array_equal(layer.levels, decoded.levels)


def test_the_file_on_disk_has_the_stated_size(model: CompressedModel, tmp_path: Path) -> None:
    path = tmp_path / "weights.packed"
    header = save_packed(model.layers, path)
    assert path.stat().st_size == header + math.ceil(model_storage(model.layers).total_bits / 8)
    assert header == 8 + 1 + (5 + 5 + 10) + (3 + 5 + 10)
    for layer, decoded in zip(model.layers, load_packed(path), strict=True):
        assert np.array_equal(layer.levels, decoded.levels)


def test_a_large_sparse_layer_is_packed_fast() -> None:
    levels = np.zeros(4_000_000, np.int16)
    levels[np.random.default_rng(0).choice(4_000_000, 40_000, replace=False)] = -4
    layer = PackedWeights("fc", levels.reshape(1000, 4000, 1, 1), 3, 0.1)
    (decoded,) = decode_weights(encode_weights([layer])[0])
    assert np.array_equal(decoded.levels, layer.levels)


def test_every_damaged_byte_is_noticed(model: CompressedModel, tmp_path: Path) -> None:
    content, _ = encode_weights(model.layers)
    path = tmp_path / "weights.packed"
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
        with pytest.raises(CodesignError, match="damaged"):
            load_packed(path)
    for size in range(len(content)):
        path.write_bytes(content[:size])
        with pytest.raises(CodesignError, match="damaged"):
            load_packed(path)


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_nonsense_with_a_valid_checksum_raises_what_is_documented(noise: bytes) -> None:
    content = b"CDP1" + struct.pack("<I", zlib.crc32(noise)) + noise
    try:
        decode_weights(content)
    except (ValueError, IndexError, struct.error, CodesignError):
        return


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CodesignError, match="cannot read"):
        load_packed(tmp_path / "none")
