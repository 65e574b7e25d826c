"""The Pruner in two processes that DistributedDataParallel keeps equal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = """
import gc, json, sys
import torch
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from compress.methods.target import Target
from compress.own_loop.pruner import Pruner
from compress.train.distributed import process_group, rank, world_size
from tests.compress.own_loop.loops import batches, branching_network

def train(made):
    network = branching_network(seed=rank())  # DistributedDataParallel sends process 0's weights to all
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    target, settings = Target(ratio=10, scope="network"), dict(iterations=2, rho_first=0.1, saliency=0.5)
    pruner = Pruner(network, optimizer, target, **settings) if made == "before wrapping" else None
    model = DistributedDataParallel(network) if world_size() > 1 else network
    pruner = pruner or Pruner(model, optimizer, target, **settings)
    model.eval()  # statistics of a part of a batch are others
    residuals = []
    for epoch in range(4):
        if epoch == 2:
            pruner.project()
        for images, labels in batches(seed=epoch):
            optimizer.zero_grad()
            mine = slice(rank(), None, world_size())
            functional.cross_entropy(model(images[mine]), labels[mine]).backward()
            optimizer.step()
        residuals += [residual.primal for residual in pruner.end_epoch()]
    state = pruner.state_dict()
    return {
        "weights": torch.cat([parameter.detach().flatten() for parameter in network.parameters()]).tolist(),
        "z": torch.cat(state["z"]).tolist(),
        "u": torch.cat(state["u"]).tolist(),
        "residuals": residuals,
    }

torch.set_num_threads(1)
with process_group():
    report = train(sys.argv[2])
    gc.collect()  # the wrapped model refers to the group, whose threads must not outlive it
    open(f"{sys.argv[1]}/{rank()}.json", "w").write(json.dumps(report))
"""
Report = dict[str, list[float]]


def run(folder: Path, processes: int, made: str) -> list[Report]:
    folder.mkdir()
    (folder / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command += [str(folder / "script.py"), str(folder), made]
    subprocess.run(command, check=True, env=environment, capture_output=True, timeout=300)
    return [json.loads((folder / f"{number}.json").read_text()) for number in range(processes)]


@pytest.mark.parametrize("made", ["before wrapping", "after wrapping"])
def test_processes_agree_bit_for_bit_and_with_a_single_one(made: str, tmp_path: Path) -> None:
    (alone,) = run(tmp_path / "alone", 1, made)
    first, second = run(tmp_path / "together", 2, made)
    assert first == second
    for member in ("weights", "z", "u", "residuals"):
        torch.testing.assert_close(torch.tensor(first[member]), torch.tensor(alone[member]), rtol=1e-4, atol=1e-5)
    assert sum(weight != 0 for weight in first["z"]) == round(len(first["z"]) / 10)
