from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset
from compress.methods.cluster import cluster_admm
from compress.model.compressed_model import CompressedModel
from compress.sets.masks import magnitude_mask
from compress.storage.header import varint
from compress.storage.packed_file import decode_weights, encode_weights, load_packed, save_packed
from compress.storage.sizes import model_storage
from compress.storage.values import ClusteredWeights, PackedWeights


@st.composite
def packed_layers(draw: st.DrawFn) -> PackedWeights:
    shape = draw(st.tuples(*[st.integers(1, 6)] * 4))
    bits = draw(st.integers(1, 8))
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    half = 2 ** (bits - 1)
    levels = random.integers(1, half + 1, shape) * random.choice([-1, 1], shape)
    levels[random.random(shape) >= draw(st.sampled_from([0.0, 0.02, 0.3, 1.0]))] = 0
    return PackedWeights(draw(st.text(max_size=5)), levels.astype(np.int16), bits, draw(st.floats(1e-6, 10)))


@st.composite
def clustered_layers(draw: st.DrawFn) -> ClusteredWeights:
    shape = draw(st.tuples(*[st.integers(1, 6)] * 4))
    count = draw(st.sampled_from([0, 1, 2, 3, 4, 17, 256]))
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    labels = random.integers(min(count, 1), count + 1, shape)
    labels[random.random(shape) >= draw(st.sampled_from([0.0, 0.02, 0.3, 1.0]))] = 0
    centroids = random.normal(size=count).astype(np.float32)
    return ClusteredWeights(draw(st.text(max_size=5)), labels.astype(np.int16), centroids)


@given(st.lists(st.one_of(packed_layers(), clustered_layers()), max_size=4))
@settings(deadline=None)
def test_the_same_numbers_come_back_from_as_many_bits_as_stated(layers: list[PackedWeights | ClusteredWeights]) -> None:
    content, header = encode_weights(layers)
    assert len(content) == header + math.ceil(model_storage(layers).total_bits / 8)
    for layer, decoded in zip(layers, decode_weights(content), strict=True):
        assert (type(layer), layer.name, layer.weight_bits) == (type(decoded), decoded.name, decoded.weight_bits)
        assert decoded.weights.shape == layer.weights.shape
        assert decoded.weights.tobytes() == layer.weights.tobytes()
        if isinstance(layer, PackedWeights):
            assert isinstance(decoded, PackedWeights)
            assert decoded.levels.dtype == np.int16
            assert np.array_equal(layer.levels, decoded.levels)
            assert layer.interval == decoded.interval


def test_a_file_written_before_there_were_clusters_reads_as_it_did() -> None:
    written = bytes.fromhex(
        "4344503111e5fe29020366633102040101030361000000000000d03f036f757401030101030200000000000000e03fdeb86c"
    )
    fc1, out = decode_weights(written)
    assert isinstance(fc1, PackedWeights)
    assert isinstance(out, PackedWeights)
    assert (fc1.levels.reshape(2, 4).tolist(), fc1.weight_bits, fc1.interval) == (
        [[0, 3, 0, -4], [0, 0, 0, 1]],
        3,
        0.25,
    )
    assert (out.levels.reshape(-1).tolist(), out.weight_bits, out.interval) == ([2, -1, -2], 2, 0.5)
    assert encode_weights([fc1, out])[0] == written


def test_a_clustered_networks_file_has_its_weights_and_the_stated_size(
    small_network: nn.Module, small_data: Dataset, tmp_path: Path
) -> None:
    masks = {"4": magnitude_mask(small_network.get_parameter("4.weight"), 0.3)}
    config = AdmmConfig(iterations=1, batch_size=16, retrain_epochs=1)
    layers = cluster_admm(small_network, small_data, masks, {"*": 5}, config).packed()
    header = save_packed(layers, tmp_path / "w")
    stored = model_storage(layers)
    assert stored.data_bits == (27 + 81) * 3 + 2 * 5 * 32
    assert (tmp_path / "w").stat().st_size == header + math.ceil(stored.total_bits / 8)
    for layer in load_packed(tmp_path / "w"):
        weight = small_network.get_parameter(f"{layer.name}.weight").detach()
        assert layer.weights.shape == (*weight.shape, 1, 1)[:4]
        assert np.array_equal(layer.weights.reshape(weight.shape), weight.numpy())


@pytest.mark.parametrize("centroids", [0, 3, 255])
def test_a_label_without_a_centroid_is_damage(centroids: int) -> None:
    content, _ = encode_weights(
        [ClusteredWeights("a", np.array([4, 1], np.int16).reshape(2, 1, 1, 1), np.ones(4, "f4"))]
    )
    place = 8 + 1 + 2 + 5 + 2  # after magic, checksum, count, name, shape and nonzeros, bits and format
    assert content[place] == 4
    changed = content[8:place] + bytes([centroids]) + content[place + 1 :]
    with pytest.raises((ValueError, IndexError, CodesignError)):
        decode_weights(content[:4] + struct.pack("<I", zlib.crc32(changed)) + changed)


@pytest.mark.parametrize(
    ("shape", "nonzeros", "code"),
    [
        ((5, 1, 1, 1), 1, 0),  # dense, and not every weight
        ((1 << 32, 1, 1, 1), 1 << 32, 0),  # more weights than the file has bits
        ((1 << 31, 2, 1, 1), 1 << 31, 1),
        ((1 << 32, 1, 1, 1), 1, 1),  # more live channels than nonzeros
        ((0, 1 << 70, 1, 1), 0, 1),
    ],
)
def test_counts_that_contradict_each_other_are_damage(
    shape: tuple[int, ...], nonzeros: int, code: int, tmp_path: Path
) -> None:
    numbers = b"".join(varint(number) for number in (*shape, nonzeros))
    content = b"\1\1a" + numbers + struct.pack("<BBd", 1, code, 1.0) + b"\xff" * 9
    (tmp_path / "w").write_bytes(b"CDP1" + struct.pack("<I", zlib.crc32(content)) + content)
    with pytest.raises(CodesignError, match="damaged"):
        load_packed(tmp_path / "w")


def _sealed(content: bytes) -> bytes:
    return b"CDP1" + struct.pack("<I", zlib.crc32(content)) + content


@pytest.mark.parametrize("layers", [1, 1000])
def test_a_few_bytes_cannot_ask_for_more_memory_than_the_largest_layers(layers: int, tmp_path: Path) -> None:
    """A dense layer of one centroid takes no bits a weight."""
    for weights in (1 << 32, 1 << 28, (1 << 24) + 1):
        record = b"\1a" + b"".join(map(varint, (weights, 1, 1, 1, weights))) + struct.pack("<BB", 0, 128) + b"\1"
        (tmp_path / "w").write_bytes(_sealed(varint(layers) + record * layers + bytes(4 * layers)))
        with pytest.raises(CodesignError, match="layer 'a' has"):
            load_packed(tmp_path / "w")
    empty = b"\1a" + b"".join(map(varint, (1 << 28, 1, 1, 1, 0))) + struct.pack("<BBd", 1, 32, 1.0)
    (tmp_path / "w").write_bytes(_sealed(varint(5) + empty * 5))
    with pytest.raises(CodesignError, match="more than 1073741824 weights"):
        load_packed(tmp_path / "w")


def test_numbers_without_an_end_are_damage(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(_sealed(b"\xff" * 1_000_000))
    with pytest.raises(CodesignError, match="a number does not end"):
        load_packed(tmp_path / "w")


@pytest.mark.parametrize("interval", [0.0, -1.0, math.inf, math.nan])
def test_an_interval_that_is_none_is_refused_in_both_directions(interval: float, tmp_path: Path) -> None:
    layer = PackedWeights("a", np.ones((1, 1, 1, 1), np.int16), 1, interval)
    with pytest.raises(CodesignError, match="layer 'a' has levels of 1 bits in intervals of"):
        save_packed([layer], tmp_path / "w")
    record = b"\1\1a" + bytes([1, 1, 1, 1, 1]) + struct.pack("<BBd", 1, 0, interval)
    (tmp_path / "w").write_bytes(_sealed(record + b"\0"))
    with pytest.raises(CodesignError, match="damaged"):
        load_packed(tmp_path / "w")


@given(data=st.data(), layers=st.lists(st.one_of(packed_layers(), clustered_layers()), min_size=1, max_size=3))
@settings(deadline=None, max_examples=500)
def test_changed_bytes_under_a_matching_checksum_are_refused_or_weights(
    data: st.DataObject, layers: list[PackedWeights | ClusteredWeights], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated"
    changed = bytearray(encode_weights(layers)[0][8:])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(changed)))
        changed[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    path.write_bytes(_sealed(bytes(changed)))
    try:
        found = load_packed(path)
    except CodesignError:
        return
    values = [layer.levels if isinstance(layer, PackedWeights) else layer.labels for layer in found]
    small = [layer for layer, each in zip(found, values, strict=True) if each.size < 1 << 16]  # a shape is soon large
    for layer, decoded in zip(small, decode_weights(encode_weights(small)[0]), strict=True):
        assert layer.weights.tobytes() == decoded.weights.tobytes()


def test_the_file_on_disk_has_the_stated_size(model: CompressedModel, tmp_path: Path) -> None:
    path = tmp_path / "weights.packed"
    header = save_packed(model.layers, path)
    assert path.stat().st_size == header + math.ceil(model_storage(model.layers).total_bits / 8)
    assert header == 8 + 1 + (5 + 5 + 10) + (3 + 5 + 10)
    for layer, decoded in zip(model.layers, load_packed(path), strict=True):
        assert isinstance(decoded, PackedWeights)
        assert np.array_equal(layer.levels, decoded.levels)


def test_a_large_sparse_layer_is_packed_fast() -> None:
    levels = np.zeros(4_000_000, np.int16)
    levels[np.random.default_rng(0).choice(4_000_000, 40_000, replace=False)] = -4
    layer = PackedWeights("fc", levels.reshape(1000, 4000, 1, 1), 3, 0.1)
    (decoded,) = decode_weights(encode_weights([layer])[0])
    assert isinstance(decoded, PackedWeights)
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
