from __future__ import annotations

from pathlib import Path

import pytest

from codesign.loop.run_file import load_config
from codesign.loop.settings import RunConfig
from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.data.datasets import DATASETS

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.toml"))
SMALLEST = '[network]\nname = "digits-net"\n[data]\nname = "digits"\n'


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
@pytest.mark.parametrize("quick", [False, True])
def test_every_example_is_valid(path: Path, quick: bool) -> None:
    assert isinstance(load_config(path, quick), RunConfig)


def test_a_run_needs_no_more_than_network_and_data(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(SMALLEST)
    config = load_config(tmp_path / "run.toml")
    assert config.network.name == "digits-net"
    assert config.compress.prune == AdmmConfig()


@pytest.mark.parametrize("name", ["letters", "", "digits:8", "imagefolder:", "imagefolder:0", "imagefolder:SIZE", "1"])
def test_an_unknown_data_set_is_told_with_those_known(tmp_path: Path, name: str) -> None:
    (tmp_path / "run.toml").write_text(SMALLEST.replace('"digits"', f'"{name}"'))
    with pytest.raises(CodesignError, match=r"data\.name = .* is wrong: it is none of those known") as error:
        load_config(tmp_path / "run.toml")
    assert all(repr(known) in error.value.next_step for known in DATASETS)


def test_quick_changes_only_what_its_table_names(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(SMALLEST + "[train]\nepochs = 9\nbatch_size = 7\n[quick.train]\nepochs = 2\n")
    assert load_config(path).train.epochs == 9
    quick = load_config(path, quick=True).train
    assert (quick.epochs, quick.batch_size) == (2, 7)


def test_a_mistake_in_the_quick_table_is_told_also_without_quick(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(SMALLEST + '[quick.train]\nepochs = "two"\n')
    with pytest.raises(CodesignError, match=r"quick\.train\.epochs"):
        load_config(path)


def test_paths_are_relative_to_the_run_file(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(SMALLEST + 'folder = "data"\n[technology]\nliberty = "cells.lib"\n')
    config = load_config(path)
    assert config.technology.liberty == str(tmp_path / "cells.lib")
    assert config.data.folder == str(tmp_path / "data")
