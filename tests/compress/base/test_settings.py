import copy
import pickle
from dataclasses import asdict, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.base.settings import MOST
from compress.train.training import TrainingConfig

WRONG = [
    ("epochs", -1),
    ("epochs", MOST + 1),
    ("epochs", 10**30 - 1),
    ("epochs", 1.5),
    ("epochs", True),
    ("learning_rate", 0.0),
    ("learning_rate", float("inf")),
    ("learning_rate", float("nan")),
    ("learning_rate", "1e-3"),
    ("weight_decay", -1e-9),
    ("seed", 2**32),
    ("device", 3),
]


class RunFile(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    train: TrainingConfig = TrainingConfig()


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_member_is_named_in_python_and_in_a_run_file(name: str, value: Any) -> None:
    with pytest.raises(CodesignError, match=f"{name} = ") as raised:
        TrainingConfig(**{name: value})
    assert raised.value.next_step.startswith(f"{name} must be a")
    with pytest.raises(CodesignError, match=f"{name} = "):
        replace(TrainingConfig(), **{name: value})
    with pytest.raises(ValidationError) as refused:
        RunFile.model_validate({"train": {name: value}})
    assert refused.value.errors()[0]["loc"] == ("train", name)


def test_an_unknown_member_is_refused_with_those_there_are() -> None:
    with pytest.raises(CodesignError, match="has no member 'epoch'") as raised:
        TrainingConfig(epoch=3)  # type: ignore[call-arg]
    assert "epochs, batch_size" in raised.value.next_step


@given(st.integers(1, MOST), st.floats(1e-9, 1e3), st.integers(0, 2**32 - 1))
def test_settings_are_values(iterations: int, rate: float, seed: int) -> None:
    config = AdmmConfig(iterations=iterations, learning_rate=rate, seed=seed)
    assert replace(AdmmConfig(), iterations=iterations, learning_rate=rate, seed=seed) == config
    assert AdmmConfig(**asdict(config)) == config
    assert pickle.loads(pickle.dumps(config)) == copy.deepcopy(config) == config
    assert hash(config) == hash(AdmmConfig(**asdict(config)))


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError):
        AdmmConfig().seed = 3  # type: ignore[misc]


def test_an_integer_stands_for_a_float() -> None:
    assert TrainingConfig(learning_rate=1) == TrainingConfig(learning_rate=1.0)
    assert [field.name for field in fields(TrainingConfig)][:3] == ["epochs", "batch_size", "learning_rate"]
