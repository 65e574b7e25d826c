from __future__ import annotations

import json
from pathlib import Path

import pytest

from codesign.settings.run_config import RunConfig
from codesign.settings.run_file import load_config
from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.methods.registry import METHODS, SCHEDULES, SCOPES, VALUE_SETS, Step

STEPS = "[[compress.steps]]\nratio = 4\n[[compress.steps]]\nratio = 12\nprune = { iterations = 3, saliency = 0.5 }\n"
HEAD = '[network]\nname = "digits-net"\n[data]\nname = "digits"\n[compress]\n'


def read(folder: Path, text: str) -> RunConfig:
    (folder / "run.toml").write_text(text)
    return load_config(folder / "run.toml")


def test_a_step_says_only_what_differs(tmp_path: Path) -> None:
    text = f'seed = 2\n{HEAD}method = "progressive"\nscope = "network"\n{STEPS}[compress.prune]\nretrain_epochs = 7\n'
    common = AdmmConfig(retrain_epochs=7, seed=200)
    assert read(tmp_path, text).compress.steps == (
        Step(4.0, common),
        Step(12.0, AdmmConfig(retrain_epochs=7, seed=210, iterations=3, saliency=0.5)),
    )


@pytest.mark.parametrize(
    ("key", "names"), [("method", METHODS), ("scope", SCOPES), ("schedule", SCHEDULES), ("set", VALUE_SETS)]
)
def test_an_unknown_name_is_told_with_those_known(tmp_path: Path, key: str, names: dict[str, object]) -> None:
    with pytest.raises(CodesignError, match=rf"compress\.{key} = 'x' is wrong") as error:
        read(tmp_path, f'{HEAD}{key} = "x"\n')
    assert all(repr(name) in error.value.next_step for name in names)


WRONG = [
    ('scope = "network"', "'network' needs one ratio, and nothing is given"),
    ('scope = "network"\nalpha = { fc1 = 0.1 }', "'network' needs one ratio, and alpha is given"),
    ("ratio = 4\nalpha = { fc1 = 0.1 }", "alpha and ratio say how many weights stay"),
    ("ratio = 1", r"compress\.ratio = 1 is wrong"),
    ('method = "progressive"\nscope = "network"', "'progressive' needs steps"),
    (STEPS, "'admm' takes no steps"),
    (f'method = "progressive"\n{STEPS}', "'progressive' cannot count over scope 'layer'"),
    ('method = "joint"\nset = "rounded"', "'joint' ends in levels, not in rounded"),
    ("prune = { sparsity_rise = 0.5 }", "schedule 'constant' does not"),
    ('method = "progressive"\nsteps = 3', r"compress\.steps = 3 is wrong"),
    (f'method = "progressive"\nscope = "network"\n{STEPS.replace("iterations", "iteration")}', "unknown key"),
    ('[hardware]\nindices = ["nm2of4"]', r"hardware\.indices has 'nm2of4'"),
    ('scope = "n:m"\n[hardware]\nindices = ["nm2of4"]', "has only 'nm2of4'"),
    ('scope = "n:m"\n[hardware]\nindices = ["fixed2", "nm1of4"]', r"hardware\.indices has 'nm1of4'"),
    ('[hardware]\nindices = ["fixed2", "dense"]', r"hardware\.indices\.1 = 'dense' is wrong.*'dense0'"),
    ('scope = "n:m"\nratio = 3', "'n:m' keeps 2 of 4 weights, and ratio 3 is given"),
    ('scope = "n:m"\npreset = "lenet5-71x"', "preset 'lenet5-71x' has alphas"),
    ('scope = "n:m"\nalpha = { fc1 = 0.1 }', "alpha of 'fc1' is 0.1, and scope 'n:m' keeps 2 of 4"),
    ('scope = "n:m"\nalpha = { fc1 = 1 }', "'n:m' prunes nothing"),
    ('pattern = "2:4"', "pattern '2:4' is given, and scope 'layer' has no pattern"),
    (f'method = "progressive"\nscope = "network"\n{STEPS.replace("12", "4")}', "ratios 4, 4 of the steps do not rise"),
    ("[compress.prune]\niterations = 1000001", r"compress\.prune\.iterations = 1000001 is wrong"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_what_does_not_fit_is_refused_with_the_files_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CodesignError, match=rf"run\.toml.*{message}"):
        read(tmp_path, f"{HEAD}{text}\n")


@pytest.mark.parametrize("pattern", ["0:4", "4:4", "5:4", "2:100", "2-4", " 2:4", "2:4\n"])
def test_what_is_no_pattern_is_refused_with_an_example(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(CodesignError, match=r"compress\.pattern = .* is wrong: it is not N:M") as error:
        read(tmp_path, f"{HEAD}scope = 'n:m'\npattern = {json.dumps(pattern)}\n")
    assert error.value.next_step == "pattern must be a text in quotes such as '2:4'"


@pytest.mark.parametrize(("pattern", "alpha"), [("2:4", 0.5), ("1:3", 0.33), ("1:3", 0.333333), ("1:99", 0.01)])
def test_an_alpha_may_repeat_the_pattern_beside_layers_that_stay_dense(
    tmp_path: Path, pattern: str, alpha: float
) -> None:
    text = f'{HEAD}scope = "n:m"\npattern = "{pattern}"\nalpha = {{ conv1 = 1.0, fc1 = {alpha} }}\n'
    assert read(tmp_path, text).compress.alpha == {"conv1": 1.0, "fc1": alpha}


def test_the_pattern_of_the_pruning_may_be_searched_beside_others(tmp_path: Path) -> None:
    text = f'{HEAD}scope = "n:m"\n[hardware]\nindices = ["fixed2", "nm2of4"]\n'
    assert read(tmp_path, text).hardware.indices == ["fixed2", "nm2of4"]
