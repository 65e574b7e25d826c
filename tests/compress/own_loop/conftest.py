from collections.abc import Iterator

import pytest

from compress.train.settings import torch_threads


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with torch_threads():
        yield
