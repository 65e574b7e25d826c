from __future__ import annotations

from pathlib import Path

import pytest

from codesign.settings.run_config import RunConfig
from codesign.settings.run_file import load_config
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
    with pytest.raises(CodesignError, match=r"data\.name = .* is wrong: it is not a known name") as error:
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


def test_a_network_of_the_users_own_is_searched_beside_the_run_file(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    for more, folder in (("", tmp_path), ('folder = "nets"\n', tmp_path / "nets")):
        path.write_text(SMALLEST.replace("[data]", f"{more}[data]"))
        network = load_config(path).network
        assert network.module_folder == folder
        assert network.model_dump() == {"name": "digits-net", "weights": None}  # a moved run keeps its results


@pytest.mark.parametrize(
    "table",
    [
        '"features.0" = 0.5\n"block.a.conv" = 0.25\nfc = 1.0',
        "features.0 = 0.5\nblock.a.conv = 0.25\nfc = 1.0",
        'features."0" = 0.5\n"block.a".conv = 0.25\nfc = 1.0',
        "fc = 1.0\n[compress.alpha.features]\n0 = 0.5\n[compress.alpha.block.a]\nconv = 0.25",
    ],
)
def test_layers_within_modules_may_be_named_without_quotes(tmp_path: Path, table: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(SMALLEST + "[compress.alpha]\n" + table)
    assert load_config(path).compress.alpha == {"features.0": 0.5, "block.a.conv": 0.25, "fc": 1.0}


def test_dotted_layers_have_bits_and_a_quick_table_too(tmp_path: Path) -> None:
    path, bits = tmp_path / "run.toml", "compress.layer_bits]\nblock.0 ="
    path.write_text(f"{SMALLEST}[{bits} 4\n[quick.{bits} 2\nblock.1 = 3\n")
    assert load_config(path).compress.layer_bits == {"block.0": 4}
    assert load_config(path, quick=True).compress.layer_bits == {"block.0": 2, "block.1": 3}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('"features.0" = 0.5\nfeatures.0 = 0.25', "layer 'features.0' is named twice"),
        ("features.0 = 1.5", "compress.alpha.features.0 = 1.5 is wrong"),
        ("features.0 = [1]", "compress.alpha.features.0"),
    ],
)
def test_a_mistake_in_a_dotted_layer_is_told_with_its_name(tmp_path: Path, table: str, told: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(SMALLEST + "[compress.alpha]\n" + table)
    with pytest.raises(CodesignError) as error:
        load_config(path)
    assert told in str(error.value)


def test_weights_lie_beside_the_run_file_and_are_not_trained_unless_epochs_are_given(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    for more, epochs in (("", 0), ("[train]\nbatch_size = 8\n", 0), ("[train]\nepochs = 3\n", 3)):
        path.write_text(SMALLEST.replace("[data]", 'weights = "nets/trained.pt"\n[data]') + more)
        config = load_config(path)
        assert config.network.weights == str(tmp_path / "nets/trained.pt")
        assert config.train.epochs == epochs
