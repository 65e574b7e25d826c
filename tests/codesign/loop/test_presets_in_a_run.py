"""A paper's preset in the run file: its alphas instead of the search, its bits where it has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codesign.loop.network_file import save_network
from codesign.loop.run_file import load_config
from codesign.loop.stages import alphas
from codesign.loop.stages import break_even as breakeven
from codesign.loop.stages.common import check_layer_settings, geometries, given_alphas, weight_bits
from codesign.loop.workspace import Workspace
from compress.base.errors import CodesignError
from compress.networks.registry import build_network

OWN_NETWORK = """
from collections import OrderedDict
from torch import nn
def make():
    layers = [("flatten", nn.Flatten())]
    for name, inputs in (("conv1", 64), ("conv2", 8), ("fc1", 8)):
        layers += [(name, nn.Linear(inputs, 8)), (f"{name}_relu", nn.ReLU())]
    return nn.Sequential(OrderedDict([*layers, ("fc2", nn.Linear(8, 10))]))
"""


@pytest.fixture(autouse=True)
def _own_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "preset_test_network.py").write_text(OWN_NETWORK)
    monkeypatch.syspath_prepend(str(tmp_path))


def workspace(folder: Path, compress: str, network: str = "preset_test_network:make") -> Workspace:
    path = folder / "run.toml"
    path.write_text(f'[network]\nname = "{network}"\n[data]\nname = "digits"\n[compress]\n{compress}\n')
    return Workspace(load_config(path), folder)


def layers_of(run: Workspace) -> list[Any]:
    shape = (1, 8, 8) if "test" in run.config.network.name else (1, 28, 28)
    return geometries(build_network(run.config.network.name, seed=0), shape)


def test_the_stage_takes_the_papers_alphas_and_says_whose(tmp_path: Path) -> None:
    run = workspace(tmp_path, 'preset = "lenet5-167x"\nalpha = { fc2 = 0.5 }')
    save_network(
        build_network(run.config.network.name, seed=0), run.config.network.name, run.path("network.safetensors")
    )
    alphas.STAGE.run(run)
    written = json.loads(run.path("alphas.json").read_text())
    assert written["alphas"] == {"conv1": 0.2, "conv2": 0.053, "fc1": 0.002, "fc2": 0.5}
    assert written["method"] == "preset lenet5-167x (000 Table 3); given for fc2"


def test_a_layers_own_bits_go_before_the_presets_and_these_before_those_of_all(tmp_path: Path) -> None:
    run = workspace(tmp_path, 'preset = "lenet5-167x"\nweight_bits = 8\nlayer_bits = { conv1 = 6 }')
    assert weight_bits(run, layers_of(run)) == {"conv1": 6, "conv2": 3, "fc1": 2, "fc2": 3}
    pruned_only = workspace(tmp_path, 'preset = "lenet5-71x"\nweight_bits = 7', network="lenet5")
    assert weight_bits(pruned_only, layers_of(pruned_only)) == dict.fromkeys(("conv1", "conv2", "fc1", "fc2"), 7)
    assert given_alphas(pruned_only, layers_of(pruned_only)) == {
        "conv1": 0.2,
        "conv2": 0.08,
        "fc1": 0.009,
        "fc2": 0.07,
    }


def test_without_preset_and_alpha_they_are_searched_and_given_ones_stand_alone(tmp_path: Path) -> None:
    run = workspace(tmp_path, "")
    assert given_alphas(run, layers_of(run)) is None
    run = workspace(tmp_path, "alpha = { conv2 = 0.25 }")
    assert given_alphas(run, layers_of(run)) == {"conv1": 1.0, "conv2": 0.25, "fc1": 1.0, "fc2": 1.0}


def test_break_even_curves_are_made_again_only_where_the_preset_has_bits(tmp_path: Path) -> None:
    keys = [
        breakeven.STAGE.settings(workspace(tmp_path, line))
        for line in ("", 'preset = "lenet5-71x"', 'preset = "lenet5-167x"')
    ]
    assert keys[0] == keys[1]
    assert keys[1] != keys[2]


def test_a_preset_with_layers_that_the_users_network_lacks_is_a_clear_error(tmp_path: Path) -> None:
    run = workspace(tmp_path, 'preset = "lenet-300-100-23x"')
    with pytest.raises(CodesignError, match="no prunable layer 'fc3'"):
        check_layer_settings(run, layers_of(run))


def test_a_preset_for_another_of_our_networks_is_an_error_that_names_those_for_it(tmp_path: Path) -> None:
    run = workspace(tmp_path, 'preset = "vgg16-20x"', network="lenet5")
    with pytest.raises(CodesignError, match="for 'vgg16', not for 'lenet5'") as error:
        check_layer_settings(run, layers_of(run))
    assert "lenet5-71x, lenet5-167x" in error.value.next_step
