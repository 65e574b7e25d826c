"""Whatever a data function returns: a data set, or one error with a next step."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from compress.base.errors import CodesignError
from compress.data.datasets import load_dataset
from compress.data.split import Dataset
from compress.data.task import CLASSIFICATION, Task
from compress.data.user_data import UserData

MODULE = "user_test_nonsense"
DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.uint8, torch.int64, torch.bool, torch.complex64)
REGRESSION = Task(name="regression", step=lambda network, images, targets: network(images).mean())


@st.composite
def tensors(draw: st.DrawFn) -> Any:
    """Of a few shapes, mostly such as images or labels have, and any values."""
    shape = draw(st.sampled_from([(6, 1, 3, 3), (6, 1, 3, 3), (6,), (6, 2), (5, 1, 3, 3), (0, 1, 3, 3), (), (6, 3, 3)]))
    values = draw(st.sampled_from([0.0, 0.5, 1.0, 2.0, -1.0, float("nan"), float("inf"), 1e30]))
    tensor = torch.full(shape, values, dtype=torch.float64)
    tensor = tensor.to(draw(st.sampled_from(DTYPES))) if np.isfinite(values) and abs(values) < 100 else tensor
    return tensor if tensor.dtype is torch.bfloat16 or draw(st.booleans()) else tensor.numpy()


def anything() -> st.SearchStrategy[Any]:
    """Values that may stand anywhere."""
    plain = (
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.builds(object) | tensors()
    )
    return st.recursive(
        plain, lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner)
    )


def samples(pair: tuple[Any, Any]) -> Any:
    """The pair as a data set or a loader, where torch makes one of it."""
    try:
        return TensorDataset(*map(torch.as_tensor, pair))
    except (AssertionError, TypeError, ValueError, IndexError, RuntimeError):
        return DataLoader([pair])  # type: ignore[arg-type]


def parts() -> st.SearchStrategy[Any]:
    pairs = st.tuples(tensors(), tensors())
    return pairs | pairs.map(samples) | anything()


def as_user_data(given: dict[str, Any]) -> UserData:
    return UserData(**given)


def returned() -> st.SearchStrategy[Any]:
    members = {
        "validation": st.none() | parts(),
        "range": st.just((0.0, 1.0)) | st.just((-1, 2)) | anything(),
        "mean": st.none() | st.lists(st.floats(), max_size=2) | anything(),
        "std": st.none() | st.lists(st.floats(), max_size=2) | anything(),
    }
    mappings = st.fixed_dictionaries({"train": parts(), "test": parts()}, optional=members)
    return mappings | mappings.map(as_user_data) | anything()


@given(returned(), st.sampled_from([CLASSIFICATION, REGRESSION]))
@settings(max_examples=1000)
def test_a_data_set_or_one_error(value: Any, task: Task) -> None:
    module = ModuleType(MODULE)
    module.made = lambda: value  # type: ignore[attr-defined]
    sys.modules[MODULE] = module
    try:
        found: Dataset | CodesignError = load_dataset(f"{MODULE}:made", 0, task=task)
    except CodesignError as error:
        found = error
    finally:
        del sys.modules[MODULE]
    if isinstance(found, CodesignError):
        assert MODULE in found.cause or "images" in found.cause
        assert found.next_step
        return
    for split in (found.train, found.validation, found.test):
        assert len(split) > 0
        assert split.images.dtype is torch.float32
        assert bool(split.images.isfinite().all())
        assert bool(((split.pixels >= 0) & (split.pixels <= 1)).all())


def test_the_property_meets_good_data(tmp_path: Path) -> None:
    """Else it would only say that all is refused."""
    (tmp_path / f"{MODULE}.py").write_text(
        "import torch\ndef made():\n    part = torch.zeros(6, 1, 3, 3), torch.zeros(6).long()\n"
        "    return {'train': part, 'test': part}\n"
    )
    assert len(load_dataset(f"{MODULE}:made", 0, tmp_path).test) == 6
