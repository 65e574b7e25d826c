from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from compress.base.errors import CodesignError
from compress.exchange.onnx_files.embedded_model import embed
from compress.exchange.onnx_files.importer import load_onnx
from compress.exchange.onnx_files.integer_file import integer_graph
from compress.exchange.onnx_files.qonnx_file import qonnx_graph
from compress.model.compressed_model import CompressedModel
from compress.model.model_file import model_content
from tests.compress.exchange.onnx_files.foreign import cnv
from tests.compress.model.graphs import branching

MUTATIONS = 1000


def mutated(content: bytes, chooser: random.Random) -> bytes:
    """With some bytes changed, taken out, repeated or cut off."""
    changed = bytearray(content)
    for _ in range(chooser.choice([1, 1, 2, 5])):
        place = chooser.randrange(len(changed))
        match chooser.choice(["flip", "flip", "set", "remove", "repeat", "cut"]):
            case "flip":
                changed[place] ^= 1 << chooser.randrange(8)
            case "set":
                changed[place] = chooser.choice([0, 1, 127, 128, 255])
            case "remove":
                del changed[place : place + chooser.randrange(1, 9)]
            case "repeat":
                changed[place:place] = changed[place : place + chooser.randrange(1, 9)]
            case _ if len(changed) > 10 and chooser.random() < 0.3:
                del changed[max(place, 10) :]
    return bytes(changed)


def sources() -> dict[str, bytes]:
    model = branching()
    return {
        "onnx": embed(model, integer_graph(model)).SerializeToString(),
        "qonnx": embed(model, qonnx_graph(model)).SerializeToString(),
        "qonnx without our model": cnv(np.random.default_rng(0)).model().SerializeToString(),
    }


@pytest.mark.parametrize("name", ["onnx", "qonnx", "qonnx without our model"])
def test_a_thousand_mutations_are_read_or_refused(name: str, tmp_path: Path) -> None:
    content, path, chooser = sources()[name], tmp_path / "mutated.onnx", random.Random(0)
    outcomes: Counter[str] = Counter()
    for _ in range(MUTATIONS):
        path.write_bytes(mutated(content, chooser))
        try:
            found = load_onnx(path)
        except CodesignError as error:
            outcomes["refused" if error.next_step else "refused without a next step"] += 1
        else:
            assert isinstance(found, CompressedModel)
            assert model_content(found)
            outcomes["read"] += 1
    assert outcomes.keys() == {"read", "refused"}
