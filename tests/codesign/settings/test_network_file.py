from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from codesign.settings.network_file import NetworkSource, load_network, save_network
from compress.base import sources
from compress.base.errors import CodesignError
from compress.networks.fold import fold_batch_norms
from compress.networks.registry import build_network

NETWORK = """
from torch import nn
def make():
    return nn.Sequential(nn.Conv2d(1, 3, 3, bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 2))
"""
NAME = "network_file_test_network:make"


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    (tmp_path / "network_file_test_network.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(str(tmp_path))
    return build_network(NAME, seed=3)


@pytest.mark.parametrize("folded", [False, True])
def test_a_network_reads_back_as_it_was_written(network: nn.Module, tmp_path: Path, folded: bool) -> None:
    written = fold_batch_norms(network, (1, 8, 8)) if folded else network.eval()
    save_network(written, NAME, tmp_path / "network", folded)
    read = load_network(tmp_path / "network", NAME)
    assert read.state_dict().keys() == written.state_dict().keys()
    images = torch.rand(2, 1, 8, 8)
    assert torch.equal(read(images), written(images))


def test_a_folded_network_is_not_read_as_one_with_its_batch_norms(network: nn.Module, tmp_path: Path) -> None:
    save_network(fold_batch_norms(network, (1, 8, 8)), NAME, tmp_path / "network")
    with pytest.raises(CodesignError, match="do not fit"):
        load_network(tmp_path / "network", NAME)


WRITE = """
import sys
from pathlib import Path
from codesign.settings.network_file import save_network
from compress.networks.registry import build_network
save_network(build_network("digits-net", seed=1), "digits-net", Path(sys.argv[1]), folded=True)
"""


def test_equal_networks_are_equal_bytes_in_every_process(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    for seed in range(4):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(root)}
        subprocess.run([sys.executable, "-c", WRITE, str(tmp_path / str(seed))], env=environment, check=True)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_a_disk_without_room_is_a_clear_error(
    network: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CodesignError, match=r"cannot write .*network: No space left on device"):
        save_network(network, NAME, tmp_path / "network")
    assert not (tmp_path / "network").exists()


def test_the_source_of_a_network_changes_with_a_relative_import_of_a_folder_without_init(tmp_path: Path) -> None:
    folder = tmp_path / "network_file_test_folder"
    folder.mkdir()
    (folder / "nets.py").write_text("from . import other\n")
    seen = set()
    for number in range(2):
        (folder / "other.py").write_text(f"width = {number}\n")
        for cache in (sources._content, sources._source_digest):  # as in another process
            cache.cache_clear()
        seen.add(NetworkSource.of("network_file_test_folder.nets:net", tmp_path).source)
    assert len(seen) == 2
    assert "" not in seen
