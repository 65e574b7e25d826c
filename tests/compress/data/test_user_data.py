"""What a data function may return, and how each mistake in it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.data.datasets import Dataset, load_dataset
from compress.data.split import Split
from compress.data.task import CLASSIFICATION, Task

SOURCE = """
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset
from compress.data.user_data import UserData

MADE = None

def made():
    return MADE

def optioned(count, size=4):
    images = torch.rand(count, 1, size, size)
    labels = torch.zeros(count, dtype=torch.int64)
    return {"train": (images, labels), "test": (images, labels)}

def fails():
    raise KeyError("images")

class Growing(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return torch.zeros(1, 4 + index, 4), index

class Failing(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        raise OSError(f"no file {index}")

class Stream(IterableDataset):
    def __iter__(self):
        yield torch.zeros(1, 4, 4), 0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "user_test_data.py").write_text(SOURCE)
    return tmp_path


@pytest.fixture
def load(folder: Path) -> Any:
    """The data set of a function that returns what an expression over the module's names says."""

    def run(expression: str, task: Task = CLASSIFICATION) -> Dataset:
        (folder / "user_test_data.py").write_text(SOURCE.replace("return MADE", f"return {expression}"))
        return load_dataset("user_test_data:made", 0, folder, task=task)

    return run


IMAGES = "torch.linspace(0, 1, 13 * 3 * 16).reshape(13, 3, 4, 4)"
LABELS = "(torch.arange(13) % 4)"
PAIR = f"({IMAGES}, {LABELS})"
REGRESSION = Task(name="regression", step=lambda network, images, targets: (network(images) - targets).square().mean())


@pytest.mark.parametrize(
    "part",
    [
        PAIR,
        f"[({IMAGES}).double().numpy(), ({LABELS}).to(torch.uint8).numpy()]",
        f"TensorDataset({IMAGES}, {LABELS})",
        f"TensorDataset({IMAGES}.bfloat16().float(), {LABELS})",
    ],
)
@pytest.mark.parametrize("around", ["UserData(train={0}, test={0})", "{{'train': {0}, 'test': {0}}}"])
def test_tensors_arrays_and_datasets_are_read_alike(load: Any, part: str, around: str) -> None:
    dataset = load(around.format(part))
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (12, 1, 13)
    images = torch.linspace(0, 1, 13 * 3 * 16).reshape(13, 3, 4, 4)
    assert torch.allclose(dataset.test.images, images, atol=0.01)
    assert torch.equal(dataset.test.labels, torch.arange(13) % 4)
    held_out = torch.cat([dataset.train.images, dataset.validation.images])
    assert sorted(held_out.flatten().tolist()) == sorted(dataset.test.images.flatten().tolist())
    assert dataset.input_shape == (3, 4, 4)


def test_validation_images_may_be_given(load: Any) -> None:
    dataset = load(f"UserData(train={PAIR}, test={PAIR}, validation=({IMAGES}[:5], torch.ones(5, dtype=torch.int32)))")
    assert (len(dataset.train), len(dataset.validation)) == (13, 5)
    assert torch.equal(dataset.validation.labels, torch.ones(5, dtype=torch.int64))


def test_bytes_are_scaled(load: Any) -> None:
    images = "torch.arange(2 * 48, dtype=torch.uint8).reshape(2, 3, 4, 4)"
    dataset = load(f"UserData(train=({images}, torch.tensor([0, 1])), test=({images}, torch.tensor([0, 1])))")
    assert torch.equal(dataset.test.images.flatten(), torch.arange(96) / 255)


@given(
    portion=st.floats(0, 1),
    width=st.floats(1, 600),
    mean=st.lists(st.floats(-5, 5), min_size=3, max_size=3),
    std=st.lists(st.floats(0.1, 5), min_size=3, max_size=3),
)
def test_the_network_reads_images_normalized_in_their_own_units(
    tmp_path_factory: Any, portion: float, width: float, mean: list[float], std: list[float]
) -> None:
    folder, low = tmp_path_factory.mktemp("data"), -portion * width
    (folder / "user_test_ranges.py").write_text(f"""
import torch
def made():
    torch.manual_seed(0)
    images = (torch.rand(13, 3, 4, 4, dtype=torch.float64) * {width * 0.999} + {low})
    part = images, torch.zeros(13, dtype=torch.int64)
    return dict(train=part, test=part, range=({low}, {low + width}), mean={mean}, std={std})
""")
    torch.manual_seed(0)
    images = torch.rand(13, 3, 4, 4, dtype=torch.float64) * (width * 0.999) + low
    test = load_dataset("user_test_ranges:made", 0, folder).test
    expected = (images - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    scale = float(expected.abs().max()) + width / min(std)
    assert torch.allclose(test.images.double(), expected, atol=2e-6 * scale)
    assert torch.allclose(test.pixels.double(), (images - low) / width, atol=1e-5)


def test_arrays_of_another_byte_order_are_read(load: Any) -> None:
    dataset = load(f"UserData(train={PAIR}, test=({IMAGES}.numpy().astype('>f4'), {LABELS}.numpy().astype('>i8')))")
    assert torch.equal(dataset.test.images, load(f"UserData(train={PAIR}, test={PAIR})").test.images)
    assert torch.equal(dataset.test.labels, load(f"UserData(train={PAIR}, test={PAIR})").test.labels)


def test_images_of_another_range_are_read_as_they_are(load: Any) -> None:
    dataset = load(f"UserData(train=({IMAGES} * 2 - 1, {LABELS}), test=({IMAGES} * 2 - 1, {LABELS}), range=(-1, 1))")
    images = torch.linspace(0, 1, 13 * 3 * 16).reshape(13, 3, 4, 4)
    assert torch.allclose(dataset.test.images, images * 2 - 1, atol=1e-6)
    assert torch.allclose(dataset.test.pixels, images, atol=1e-6)


def test_targets_of_another_task_may_have_any_shape(load: Any) -> None:
    part = f"({IMAGES}, torch.ones(13, 2, 3, dtype=torch.float64))"
    dataset = load(f"UserData(train={part}, test={part})", REGRESSION)
    assert dataset.task is REGRESSION
    assert dataset.train.labels.shape == (12, 2, 3)
    assert dataset.train.labels.dtype is torch.float32
    maps = f"({IMAGES}, torch.zeros(13, 4, 4).byte())"
    assert load(f"UserData(train={maps}, test={maps})", REGRESSION).train.labels.dtype is torch.int64


def test_options_of_the_run_file_are_the_functions_arguments(folder: Path) -> None:
    dataset = load_dataset("user_test_data:optioned", 0, folder, options={"count": 24, "size": 6})
    assert dataset.input_shape == (1, 6, 6)
    assert len(dataset.train) + len(dataset.validation) == 24
    with pytest.raises(CodesignError, match=r"failed: TypeError: .*'count'"):
        load_dataset("user_test_data:optioned", 0, folder)
    with pytest.raises(CodesignError, match=r"failed: TypeError: .*'sizes'"):
        load_dataset("user_test_data:optioned", 0, folder, options={"count": 24, "sizes": 6})


TWO = "torch.tensor([0, 1])"
NAN = f"({IMAGES}.clone().fill_(float('nan')), {LABELS})"


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ("None", "returned nothing, not data"),
        ("3", "returned a int, not data"),
        (PAIR, "returned a tuple, not data"),
        (f"{{'train': {PAIR}}}", "lacks 'test'"),
        (f"{{'train': {PAIR}, 'test': {PAIR}, 'val': {PAIR}}}", "unknown key 'val'"),
        (f"UserData(train={PAIR}, test=3)", "test is a int, not a pair"),
        (f"UserData(train={PAIR}, test=DataLoader(TensorDataset{PAIR}))", "test is a DataLoader"),
        (f"UserData(train={PAIR}, test=Stream())", "test is an IterableDataset"),
        (f"UserData(train={PAIR}, test=Growing())", "image 1 has the shape (1, 5, 4), the first one (1, 4, 4)"),
        (f"UserData(train={PAIR}, test=Failing())", "failed: OSError: no file 0"),
        (f"UserData(train={PAIR}, test=TensorDataset({IMAGES}))", "sample 0 is a tuple"),
        (f"UserData(train={PAIR}, test=TensorDataset({IMAGES}[:0], {LABELS}[:0]))", "shape (0,), not (N, C, H, W)"),
        (f"UserData(train={PAIR}, test=('images', {LABELS}))", "the images are a str"),
        (f"UserData(train={PAIR}, test=(np.array([object()]), {LABELS}))", "the images are of NumPy's type object"),
        (f"UserData(train={PAIR}, test=({IMAGES}, ['a'] * 13))", "the targets are a list"),
        (f"UserData(train={PAIR}, test=({IMAGES}[:, 0], {LABELS}))", "(13, 4, 4), not (N, C, H, W)"),
        (f"UserData(train={PAIR}, test=({IMAGES}[:0], {LABELS}[:0]))", "(0, 3, 4, 4), not (N, C, H, W)"),
        (f"UserData(train={PAIR}, test=({IMAGES}[..., :3], {LABELS}))", "test has images float32 (3, 4, 3)"),
        (f"UserData(train={PAIR}, test=({IMAGES}.long(), {LABELS}))", "the images are int64"),
        (f"UserData(train={PAIR}, test=({IMAGES}.to_sparse(), {LABELS}))", "the images are sparse or quantized"),
        (f"UserData(train={PAIR}, test={NAN})", "the images lie in nan..nan"),
        (f"UserData(train={PAIR}, test=({IMAGES} * 3 - 1, {LABELS}))", "lie in -1..2, not in the range 0..1"),
        (f"UserData(train={PAIR}, test=({IMAGES}, {LABELS}[:5]))", "13 images and targets of the shape (5,)"),
        (f"UserData(train={PAIR}, test=({IMAGES}, torch.tensor(3)))", "13 images and targets of the shape ()"),
        (f"UserData(train={PAIR}, test=({IMAGES}, {LABELS} > 1))", "the targets are bool"),
        (f"UserData(train={PAIR}, test=({IMAGES}, {LABELS} / 0))", "the targets hold NaN or infinite values"),
        (f"UserData(train=({IMAGES}, {LABELS} / 7), test=({IMAGES}, {LABELS} / 7))", "need as many int64 labels"),
        (f"UserData(train={PAIR}, test={PAIR}, range=(1, 0))", "the range is 1.0 to 0.0"),
        (f"UserData(train={PAIR}, test={PAIR}, range=3)", "the range is 3"),
        (f"UserData(train={PAIR}, test={PAIR}, mean='blue')", "mean or std is not a list of numbers"),
        (f"UserData(train={PAIR}, test={PAIR}, mean=[0.1, 0.2])", "mean has 2 numbers, the images have 3 channels"),
        (f"UserData(train={PAIR}, test={PAIR}, std=[0, 1, 1])", "cannot be normalized"),
        (f"UserData(train=({IMAGES}[:1], {LABELS}[:1]), test={PAIR})", "a single training image cannot be split"),
        ("fails()", "failed: KeyError: 'images'"),
        ("UserData(train=1)", "failed: TypeError"),
    ],
)  # fmt: skip
def test_nonsense_is_told_with_a_next_step(load: Any, returned: str, told: str) -> None:
    with pytest.raises(CodesignError) as error:
        load(returned)
    assert told in error.value.cause
    assert error.value.next_step


def test_named_data_take_another_task_and_no_options() -> None:
    assert load_dataset("digits", 0, task=REGRESSION).validation.task is REGRESSION
    with pytest.raises(CodesignError, match="'digits' has no options"):
        load_dataset("digits", 0, options={"count": 3})
    with pytest.raises(CodesignError, match="unknown data set 'nothing'"):
        load_dataset("nothing", 0)


def test_a_part_keeps_its_task_and_normalization() -> None:
    images = torch.rand(4, 1, 2, 2)
    split = Split(images, torch.zeros(4, 2), task=REGRESSION)
    assert split.take(2).task is REGRESSION
    with pytest.raises(CodesignError, match="as many targets"):
        Split(images, torch.zeros(3, 2), task=REGRESSION)
