import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from compress.base.errors import CodesignError
from compress.networks.capture.geometries import layer_geometries
from compress.networks.layers import prunable_layers
from compress.networks.registry import NETWORKS, build_network, lenet_300_100


@pytest.mark.parametrize("name", ["digits-net", "lenet5", "lenet-300-100"])
def test_the_seed_decides_the_weights(name: str) -> None:
    first, again, other = (build_network(name, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not any(torch.equal(first[key], other[key]) for key in first)


def test_building_leaves_the_random_state_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build_network("digits-net", seed=0)
    assert torch.equal(torch.rand(3), expected)


def test_lenet5_has_the_papers_weights() -> None:
    sizes = {name: layer.weight.numel() for name, layer in prunable_layers(build_network("lenet5", 0)).items()}
    assert sizes == {"conv1": 500, "conv2": 25_000, "fc1": 400_000, "fc2": 5_000}
    assert [g.macs for g in layer_geometries(build_network("lenet5", 0), (1, 28, 28))] == [
        500 * 24 * 24,
        25_000 * 64,
        400_000,
        5_000,
    ]


def test_lenet_300_100_has_the_papers_weights() -> None:
    geometries = layer_geometries(lenet_300_100(), (1, 28, 28))
    assert [geometry.weights for geometry in geometries] == [235_200, 30_000, 1_000]


def test_every_network_runs_by_name() -> None:
    for make in NETWORKS.values():
        with torch.device("meta"):
            assert sum(parameter.numel() for parameter in make().parameters()) > 20_000


def test_digits_net_is_as_its_docstring_says() -> None:
    geometries = layer_geometries(build_network("digits-net", 0), (1, 8, 8))
    assert [geometry.weights for geometry in geometries] == [144, 4608, 16384, 320]
    assert sum(geometry.macs for geometry in geometries) == 320_832


def test_a_users_factory_is_imported_from_the_python_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "users_networks.py").write_text(
        "from torch import nn\ndef tiny(): return nn.Sequential(nn.Linear(2, 3))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert isinstance(build_network("users_networks:tiny", 0), nn.Sequential)
    assert isinstance(build_network("users_networks:tiny", 0, tmp_path / "elsewhere"), nn.Sequential)
    del sys.modules["users_networks"]


@pytest.mark.parametrize("name", ["lenet", "", "a:", ":b"])
def test_an_unknown_name_is_a_clear_error(name: str) -> None:
    with pytest.raises(CodesignError, match="unknown network") as error:
        build_network(name, 0)
    assert "lenet5" in error.value.next_step


def test_a_missing_package_is_a_clear_error() -> None:
    with pytest.raises(CodesignError, match="No module named 'no_such_package'"):
        build_network("no_such_package:net", 0)
