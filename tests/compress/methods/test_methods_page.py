import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from compress.data.datasets import Dataset
from compress.methods.registry import METHODS, SCHEDULES, SCOPES, VALUE_SETS
from compress.networks.registry import build_network

PAGE = (Path(__file__).parents[3] / "docs" / "methods.md").read_text(encoding="utf-8")


def test_the_blocks_of_the_page_run(small_data: Dataset) -> None:
    torch.manual_seed(0)
    names: dict[str, Any] = {"network": build_network("digits-net", 0), "dataset": small_data}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, names)
    assert isinstance(names["extreme"], nn.Module)


@pytest.mark.parametrize("name", [*METHODS, *SCOPES, *SCHEDULES, *VALUE_SETS])
def test_the_page_tells_of_everything_that_can_be_chosen(name: str) -> None:
    assert f"`{name}`" in PAGE
