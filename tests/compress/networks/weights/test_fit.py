from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from compress.base.errors import CodesignError
from compress.networks.registry import build_network
from compress.networks.weights.fit import load_weights

State = dict[str, Tensor]


def small_network(seed: int = 1) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))


@pytest.fixture
def trained() -> State:
    state: State = small_network(seed=2).state_dict()
    state["1.running_mean"] += 0.25
    return state


def save_legacy(state: State, path: Path) -> None:
    torch.save(state, path, _use_new_zipfile_serialization=False)


def save_npz(state: State, path: Path) -> None:
    np.savez(path, **{name: tensor.numpy() for name, tensor in state.items()})  # type: ignore[arg-type]


WRITERS: dict[str, Callable[[State, Path], None]] = {
    "safetensors": save_file,
    "pt": torch.save,
    "pth": save_legacy,
    "npz": save_npz,
}


def loaded(path: Path) -> State:
    network = small_network()
    load_weights(network, path)
    result: State = network.state_dict()
    return result


def refusal(path: Path) -> str:
    """What is told about the file, after checking that the network is as it was."""
    network = small_network()
    with pytest.raises(CodesignError) as told:
        load_weights(network, path)
    before = small_network().state_dict()
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert str(path) in told.value.cause
    return str(told.value)


def assert_equal(one: State, other: State) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("suffix", WRITERS)
def test_weights_read_back_as_they_were_written_whatever_the_file_is_called(
    suffix: str, trained: State, tmp_path: Path
) -> None:
    WRITERS[suffix](trained, tmp_path / f"weights.{suffix}")
    assert_equal(loaded(tmp_path / f"weights.{suffix}"), trained)
    (tmp_path / f"weights.{suffix}").rename(tmp_path / "weights")
    assert_equal(loaded(tmp_path / "weights"), trained)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "_orig_mod.module."])
def test_prefixes_of_wrappers_are_dropped(prefix: str, trained: State, tmp_path: Path) -> None:
    torch.save({f"{prefix}{name}": tensor for name, tensor in trained.items()}, tmp_path / "w.pt")
    if prefix == "_orig_mod.module.":
        assert "keys are missing" in refusal(tmp_path / "w.pt")  # the order in which nobody wraps
    else:
        assert_equal(loaded(tmp_path / "w.pt"), trained)


@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_the_state_dict_of_a_checkpoint_is_found(key: str, trained: State, tmp_path: Path) -> None:
    state = {f"module.{name}": tensor for name, tensor in trained.items()}
    torch.save({"epoch": 3, "best": torch.tensor(0.9), key: state, "optimizer": {"state": {0: {}}}}, tmp_path / "w.pt")
    assert_equal(loaded(tmp_path / "w.pt"), trained)


def test_batch_norms_may_lack_their_counts(trained: State, tmp_path: Path) -> None:
    save_npz({name: tensor for name, tensor in trained.items() if "num_batches" not in name}, tmp_path / "w.npz")
    assert_equal(loaded(tmp_path / "w.npz"), trained)


@given(st.lists(st.floats(-60_000, 60_000), min_size=3, max_size=3), st.sampled_from(["f2", "f4", "f8", ">f4", ">f8"]))
def test_numbers_become_the_nearest_float32(tmp_path_factory: Any, values: list[float], kind: str) -> None:
    path = tmp_path_factory.mktemp("w") / "w.npz"
    state: dict[str, Any] = {name: tensor.numpy() for name, tensor in small_network(seed=2).state_dict().items()}
    state["4.bias"] = np.array(values, kind)
    state["4.weight"] = np.asfortranarray(state["4.weight"])
    np.savez(path, **state)
    found = loaded(path)
    assert found["4.bias"].dtype is torch.float32
    assert np.array_equal(found["4.bias"].numpy(), state["4.bias"].astype(np.float32))
    assert np.array_equal(found["4.weight"].numpy(), state["4.weight"])


def test_bfloat16_becomes_float32_exactly(trained: State, tmp_path: Path) -> None:
    half = {name: tensor.bfloat16() if tensor.is_floating_point() else tensor for name, tensor in trained.items()}
    save_file(half, tmp_path / "w")
    assert_equal(loaded(tmp_path / "w"), {name: tensor.to(trained[name].dtype) for name, tensor in half.items()})


def test_weights_of_another_network_are_told_by_keys_and_shapes(trained: State, tmp_path: Path) -> None:
    torch.save(build_network("lenet5", 0).state_dict(), tmp_path / "w.pt")
    told = refusal(tmp_path / "w.pt")
    assert "8 keys are missing (0.weight, 0.bias, 1.weight, ...)" in told
    assert "8 keys are unexpected (conv1.weight, conv1.bias, conv2.weight, ...)" in told
    wider = dict(trained) | {"4.weight": torch.zeros(5, 8)}
    del wider["4.bias"]
    torch.save(wider, tmp_path / "w.pt")
    told = refusal(tmp_path / "w.pt")
    assert "1 key is missing (4.bias); 1 tensor has another shape (4.weight is (5, 8), the network's (3, 8))" in told


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e39])
def test_values_that_are_not_finite_in_float32_are_refused(value: float, trained: State, tmp_path: Path) -> None:
    torch.save(dict(trained) | {"4.bias": torch.tensor([0.0, value, 0.0], dtype=torch.float64)}, tmp_path / "w.pt")
    assert "'4.bias'" in refusal(tmp_path / "w.pt")


@pytest.mark.parametrize("kind", [torch.int32, torch.complex64, torch.bool, torch.float8_e4m3fn])
def test_numbers_of_other_kinds_are_refused(kind: torch.dtype, trained: State, tmp_path: Path) -> None:
    torch.save(dict(trained) | {"4.bias": torch.zeros(3).to(kind)}, tmp_path / "w.pt")
    assert f"is {str(kind).removeprefix('torch.')}, not one of float16" in refusal(tmp_path / "w.pt")


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder / "hostile"),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_hostile_pickle_is_refused_and_not_run(zipped: bool, tmp_path: Path) -> None:
    torch.save({"0.weight": Hostile(tmp_path)}, tmp_path / "w.pt", _use_new_zipfile_serialization=zipped)
    told = refusal(tmp_path / "w.pt")
    assert "posix.mkdir" in told
    assert "could run any code when loaded" in told
    assert not (tmp_path / "hostile").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([1.0], "holds a list, not a state dict"),
        ({"a": {"b": torch.zeros(1)}, "epoch": 3}, "holds no state dict; it has the keys: a, epoch"),
        ({"model": {"b": torch.zeros(1)}, "net": {"b": torch.zeros(1)}}, "holds several state dicts: model, net"),
        ({"b": torch.zeros(1, device="meta")}, "'b'"),
        ({"b": torch.ones(3).to_sparse()}, "not stored as a plain tensor"),
        (nn.Linear(1, 1), "holds other objects than tensors (torch.nn.modules.linear.Linear)"),
    ],
    ids=str,
)
def test_a_torch_file_of_something_else_is_refused(content: Any, told: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "w.pt")
    assert told in refusal(tmp_path / "w.pt")


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_torchscript_is_refused_as_such(tmp_path: Path) -> None:
    torch.jit.script(nn.Linear(1, 1)).save(tmp_path / "w.pt")
    assert "is TorchScript" in refusal(tmp_path / "w.pt")


def test_objects_in_an_npz_are_refused_and_not_unpickled(tmp_path: Path) -> None:
    hostile = np.empty(1, dtype=object)
    hostile[0] = Hostile(tmp_path)
    np.savez(tmp_path / "w.npz", weights=hostile)
    assert "'weights'" in refusal(tmp_path / "w.npz")
    assert not (tmp_path / "hostile").exists()


def test_an_npz_that_would_unpack_to_terabytes_is_refused_by_its_header(trained: State, tmp_path: Path) -> None:
    save_npz(trained, tmp_path / "w.npz")
    with (
        zipfile.ZipFile(tmp_path / "w.npz", "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("huge.npy", "w") as file,
    ):
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (1 << 26,)})
        for _ in range(256):
            file.write(bytes(1 << 20))
    assert (tmp_path / "w.npz").stat().st_size < 1 << 20
    assert "1 key is unexpected (huge)" in refusal(tmp_path / "w.npz")


def test_an_npz_whose_header_promises_more_than_it_holds_is_refused(trained: State, tmp_path: Path) -> None:
    save_npz(trained, tmp_path / "w.npz")
    with zipfile.ZipFile(tmp_path / "w.npz", "a") as archive, archive.open("4.huge.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40,)})
    assert "its header promises" in refusal(tmp_path / "w.npz")


@pytest.mark.parametrize("content", [b"", b"weights", b"\x80\x02}q\0.", bytes(100)])
def test_a_foreign_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(content)
    refusal(tmp_path / "w.pt")


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_file_cut_short_anywhere_is_refused(suffix: str, trained: State, tmp_path: Path) -> None:
    path = tmp_path / f"w.{suffix}"
    WRITERS[suffix](trained, path)
    content = path.read_bytes()
    for length in range(0, len(content), 97):
        path.write_bytes(content[:length])
        refusal(path)


def test_a_missing_file_or_a_folder_is_told_as_such(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "missing.pt")
    assert "Is a directory" in refusal(tmp_path)


def test_a_record_that_is_smaller_than_its_tensor_is_refused(trained: State, tmp_path: Path) -> None:
    """Torch alone would read on behind its memory."""
    torch.save(trained, tmp_path / "whole.pt")
    with zipfile.ZipFile(tmp_path / "whole.pt") as whole, zipfile.ZipFile(tmp_path / "w.pt", "w") as cut:
        for name in whole.namelist():
            content = whole.read(name)
            cut.writestr(name, content[:1] if name.endswith("/data/0") else content)
    assert "'0.weight'" in refusal(tmp_path / "w.pt")
