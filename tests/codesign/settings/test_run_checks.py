from __future__ import annotations

import sys
from pathlib import Path

import pytest

from codesign.settings.layers import geometries
from codesign.settings.run_checks import array_bits_of, bits_of, check_run, given_alphas_of
from codesign.settings.run_config import RunConfig
from codesign.settings.run_file import load_config
from compress.base.errors import CodesignError
from compress.networks.layers import LayerGeometry
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
    monkeypatch.delitem(sys.modules, "preset_test_network", raising=False)  # of another test's folder


def run_of(folder: Path, compress: str, network: str = "preset_test_network:make", data: str = "digits") -> RunConfig:
    path = folder / "run.toml"
    path.write_text(f'[network]\nname = "{network}"\n[data]\nname = "{data}"\n[compress]\n{compress}\n')
    return load_config(path)


STEPS = "[[compress.steps]]\nratio = 4\n[[compress.steps]]\nratio = 12\n"


def layers_of(run: RunConfig) -> list[LayerGeometry]:
    shape = (1, 8, 8) if "test" in run.network.name else (1, 28, 28)
    return geometries(build_network(run.network.name, seed=0), shape)


def test_the_alphas_are_the_papers_and_the_source_says_whose(tmp_path: Path) -> None:
    given = given_alphas_of(run_of(tmp_path, 'preset = "lenet5-167x"\nalpha = { fc2 = 0.5 }'))
    assert given is not None
    assert given.of(layers_of(run_of(tmp_path, ""))) == {"conv1": 0.2, "conv2": 0.053, "fc1": 0.002, "fc2": 0.5}
    assert given.source == "preset lenet5-167x (000 Table 3); given for fc2"


def test_a_layers_own_bits_go_before_the_presets_and_these_before_those_of_all(tmp_path: Path) -> None:
    run = run_of(tmp_path, 'preset = "lenet5-167x"\nweight_bits = 8\nlayer_bits = { conv1 = 6 }')
    assert bits_of(run).of(layers_of(run)) == {"conv1": 6, "conv2": 3, "fc1": 2, "fc2": 3}
    pruned_only = run_of(tmp_path, 'preset = "lenet5-71x"\nweight_bits = 7', network="lenet5")
    layers = layers_of(pruned_only)
    assert bits_of(pruned_only).of(layers) == dict.fromkeys(("conv1", "conv2", "fc1", "fc2"), 7)
    given = given_alphas_of(pruned_only)
    assert given is not None
    assert given.of(layers) == {"conv1": 0.2, "conv2": 0.08, "fc1": 0.009, "fc2": 0.07}


def test_without_preset_and_alpha_they_are_searched_and_given_ones_stand_alone(tmp_path: Path) -> None:
    assert given_alphas_of(run_of(tmp_path, "")) is None
    run = run_of(tmp_path, "alpha = { conv2 = 0.25 }")
    given = given_alphas_of(run)
    assert given is not None
    assert given.source == "given"
    assert given.of(layers_of(run)) == {"conv1": 1.0, "conv2": 0.25, "fc1": 1.0, "fc2": 1.0}


def test_a_preset_with_layers_that_the_users_network_lacks_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CodesignError, match="no prunable layer 'fc3'"):
        check_run(run_of(tmp_path, 'preset = "lenet-300-100-23x"'))


def test_a_layer_that_the_network_lacks_is_an_error_before_anything_is_trained(tmp_path: Path) -> None:
    for line in ("layer_bits = { fc9 = 4 }", "alpha = { fc9 = 0.5 }"):
        with pytest.raises(CodesignError, match="names layer 'fc9', which the network lacks"):
            check_run(run_of(tmp_path, line))


def test_a_preset_for_another_of_our_networks_is_an_error_that_names_those_for_it(tmp_path: Path) -> None:
    with pytest.raises(CodesignError, match="for 'vgg16', not for 'lenet5'") as error:
        bits_of(run_of(tmp_path, 'preset = "vgg16-20x"', network="lenet5"))
    assert "lenet5-71x, lenet5-167x" in error.value.next_step


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ratio = 4", "4x in every layer"),
        ('scope = "network"\nratio = 4', "4x over the whole network"),
        (f'method = "progressive"\nscope = "network"\n{STEPS}', "12x over the whole network, step by step"),
        ('scope = "n:m"\npattern = "1:4"', "1:4 along the input channels"),
    ],
)
def test_a_given_target_needs_no_search(tmp_path: Path, text: str, told: str) -> None:
    given = given_alphas_of(run_of(tmp_path, text))
    assert given is not None
    assert given.source == told
    assert given.of([]) == {}


def test_without_one_alphas_are_searched(tmp_path: Path) -> None:
    for scope in ("layer", "row-balanced"):
        assert given_alphas_of(run_of(tmp_path, f'scope = "{scope}"')) is None


def test_clusters_need_an_array_of_eight_bits(tmp_path: Path) -> None:
    config = run_of(tmp_path, 'set = "clusters"\nweight_bits = 2\nlayer_bits = { conv1 = 3 }')
    bits = array_bits_of(config)
    assert (bits.every, dict(bits.layers)) == (8, {"conv1": 8})


OTHER_WHEN_CAPTURED = """
import torch
from torch import nn
class Halving(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 10)
    def forward(self, images):
        outputs = self.fc(images.flatten(1))
        return outputs if torch.compiler.is_compiling() else outputs / 2
"""


def test_a_network_that_computes_something_else_than_its_capture_is_told_before_training(tmp_path: Path) -> None:
    (tmp_path / "preset_test_network.py").write_text(OTHER_WHEN_CAPTURED)
    with pytest.raises(CodesignError, match="differ from the network's output"):
        check_run(run_of(tmp_path, "", network="preset_test_network:Halving"))
