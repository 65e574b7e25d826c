"""Files of weights with a few wrong bytes: never another network, never a traceback."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from compress.base.errors import CodesignError
from compress.base.tensor_file import split_file
from compress.networks.weights.fit import load_weights

MUTATIONS = 1000

Write = Callable[[dict[str, Tensor], Path], None]


def small_network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))


def write_npz(state: dict[str, Tensor], path: Path) -> None:
    np.savez(path, **{name: tensor.numpy() for name, tensor in state.items()})  # type: ignore[arg-type]


def write_small_npz(state: dict[str, Tensor], path: Path) -> None:
    np.savez_compressed(path, **{name: tensor.numpy() for name, tensor in state.items()})  # type: ignore[arg-type]


def mutated(content: bytes, source: random.Random, end: int | None = None) -> bytes:
    """One to three changes before ``end``: a byte flipped or replaced, a stretch cut out, repeated or zeroed."""
    result = bytearray(content)
    for _ in range(source.randint(1, 3)):
        place, length = source.randrange(min(end or len(result), len(result))), source.randint(1, 16)
        match source.randrange(6):
            case 0:
                result[place] ^= 1 << source.randrange(8)
            case 1:
                result[place] = source.randrange(256)
            case 2:
                del result[place : place + length]
            case 3:
                result[place:place] = result[place : place + length]
            case 4:
                result[place : place + length] = bytes(len(result[place : place + length]))
            case 5:
                del result[place:]
        if not result:
            break
    return bytes(result)


def loads_the_same_or_tells(path: Path, expected: dict[str, Tensor]) -> bool:
    """Whether the file was refused; anything else than a refusal or the same values fails."""
    network = small_network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    try:
        load_weights(network, path)
        refusal = None
    except CodesignError as error:
        refusal = error
    wanted = expected if refusal is None else before
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in network.state_dict().items())
    assert refusal is None or (str(path) in refusal.cause and refusal.next_step)
    return refusal is not None


@pytest.fixture
def trained() -> dict[str, Tensor]:
    """Other values than ``small_network`` has, so that loading nothing would be noticed."""
    generator = torch.Generator().manual_seed(2)
    state: dict[str, Tensor] = small_network().state_dict()
    return {
        name: torch.rand(tensor.shape, generator=generator) + 1 if tensor.is_floating_point() else tensor
        for name, tensor in state.items()
    }


@pytest.mark.parametrize(
    ("write", "name"),
    [(torch.save, "w.pt"), (write_npz, "w.npz"), (write_small_npz, "w.npz")],
    ids=["pt", "npz", "compressed npz"],
)
def test_a_mutated_archive_loads_the_same_values_or_is_refused(
    write: Write, name: str, trained: dict[str, Tensor], tmp_path: Path
) -> None:
    path, source = tmp_path / name, random.Random(12)
    write(trained, path)
    content, refused = path.read_bytes(), 0
    assert not loads_the_same_or_tells(path, trained)
    for _ in range(MUTATIONS):
        path.write_bytes(mutated(content, source))
        refused += loads_the_same_or_tells(path, trained)
    assert 0 < refused <= MUTATIONS


def test_safetensors_with_a_mutated_header_load_the_same_values_or_are_refused(
    trained: dict[str, Tensor], tmp_path: Path
) -> None:
    """Their values have no checksum; all that says which value is where stands in the header."""
    path, source = tmp_path / "w.safetensors", random.Random(12)
    save_file(trained, path)
    content, refused = path.read_bytes(), 0
    end = len(content) - len(split_file(content)[1])
    assert not loads_the_same_or_tells(path, trained)
    for _ in range(MUTATIONS):
        path.write_bytes(mutated(content, source, end))
        refused += loads_the_same_or_tells(path, trained)
    assert 0 < refused <= MUTATIONS


def test_values_of_safetensors_are_the_files_bytes_or_are_refused(trained: dict[str, Tensor], tmp_path: Path) -> None:
    path, source = tmp_path / "w.safetensors", random.Random(12)
    save_file(trained, path)
    content = path.read_bytes()
    header, data = split_file(content)
    start = len(content) - len(data)
    for _ in range(MUTATIONS):
        changed = content[:start] + mutated(data, source)
        path.write_bytes(changed)
        places = {name: part["data_offsets"] for name, part in header.items() if name != "__metadata__"}
        cut = {name: changed[start + first : start + last] for name, (first, last) in places.items()}
        if len(changed) != len(content):
            assert loads_the_same_or_tells(path, trained)
        else:
            kinds = {name: tensor.numpy().dtype for name, tensor in trained.items()}
            values = {name: torch.from_numpy(np.frombuffer(part, kinds[name]).copy()) for name, part in cut.items()}
            loads_the_same_or_tells(path, {name: values[name].reshape(trained[name].shape) for name in trained})
