"""Every operation is in the registry, has a test, and can be told in a file."""

import dataclasses
import json
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from compress.model.ops.adaptive_average_pool import AdaptiveAveragePool
from compress.model.ops.add import Add
from compress.model.ops.affine import Affine
from compress.model.ops.average_pool import AveragePool
from compress.model.ops.concat import Concat
from compress.model.ops.lookup import Lookup
from compress.model.ops.max_pool import MaxPool
from compress.model.ops.mean import Mean
from compress.model.ops.op import Op
from compress.model.ops.pad import Pad
from compress.model.ops.registry import OPS, op_of_target
from compress.model.ops.reshape import Reshape
from compress.model.ops.scale import Scale
from compress.model.ops.slice import Slice
from compress.model.ops.transpose import Transpose
from compress.model.ops.upsample import Upsample

EXAMPLES: tuple[Op, ...] = (
    AdaptiveAveragePool((1, 2)),
    Add((3, -4), 5, 6, 8, 0.1, 7),
    Affine((1, 2), (3, -4), 5, 8, 0.1, 6),
    AveragePool((3, 3), (2, 2), (1, 1), ceil_mode=True, count_padding=False, divisor=9, zero_point=4),
    Concat(1),
    Lookup(tuple(range(16)), 4, 0.1, 3),
    MaxPool((3, 3), (2, 2), (1, 1), (1, 2), ceil_mode=True),
    Mean((1, 2), keep_axes=True),
    Pad((1, -1), (0, 2), 5),
    Reshape((4, 5)),
    Scale(3, 4, (5, 6), 8, 0.1, 7),
    Slice(0, 1, 5, 2),
    Transpose((1, 0)),
    Upsample((1, 2, 2)),
)
ROOT = Path(__file__).parents[4]


def test_every_operation_has_an_example_and_a_test_file() -> None:
    assert {type(example) for example in EXAMPLES} == set(OPS.values())
    for op in OPS.values():
        file = Path(sys.modules[op.__module__].__file__ or "").name
        assert (Path(__file__).parent / f"test_{file}").is_file()


def test_names_and_targets_are_one_operations() -> None:
    assert len({op.KIND for op in OPS.values()}) == len(EXAMPLES)
    for one, other in combinations(OPS.values(), 2):
        assert not one.TARGETS & other.TARGETS
    for op in OPS.values():
        assert all(op_of_target(target) is op for target in op.TARGETS)
    assert op_of_target("aten.bmm.default") is None


@pytest.mark.parametrize("op", EXAMPLES, ids=lambda op: op.KIND)
def test_an_operation_comes_back_from_json(op: Op) -> None:
    assert type(op).__dataclass_params__.frozen  # type: ignore[attr-defined]
    told = json.dumps(dataclasses.asdict(op))  # type: ignore[call-overload]
    assert TypeAdapter(type(op)).validate_json(told, strict=True) == op


def test_operations_run_without_torch() -> None:
    modules = sorted(path.stem for path in (ROOT / "compress/model/ops").glob("*.py"))
    imports = "; ".join(f"import compress.model.ops.{name}" for name in modules)
    command = f"{imports}; import sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", command], cwd=ROOT, check=True)
