import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from compress.train.distributed import add_up, from_first, process_group, rank, shared_gradients, world_size

SCRIPT = """
import json, os, sys
import torch
from torch import nn
from compress.admm.iteration import AdmmConfig
from compress.data.datasets import Dataset, Split
from compress.train.distributed import process_group, rank
from compress.methods.prune import prune_admm

def split(count, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 1, 6, 6, generator=generator)
    return Split(images, (images.mean(dim=(1, 2, 3)) * 50).long() % 4)

torch.set_num_threads(1)
torch.manual_seed(3)
network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4))
data = Dataset("random", split(45, 0), split(20, 1), split(20, 2))
config = AdmmConfig(
    iterations=2, batch_size=11, retrain_epochs=2, learning_rate=1e-3, tolerance=0, saliency=float(sys.argv[2])
)
TASKS = "/proc/self/task"  # Linux lists a process's threads there
threads = set(os.listdir(TASKS)) if os.path.isdir(TASKS) else set()
with process_group():
    result = prune_admm(network, data, {"*": 0.3}, config, __import__("pathlib").Path(sys.argv[1]) / "checkpoint")
    number = rank()
left = set(os.listdir(TASKS)) - threads if os.path.isdir(TASKS) else set()
assert not left, f"threads that the group left behind: {[open(f'{TASKS}/{n}/comm').read() for n in left]}"
weights = torch.cat([parameter.detach().flatten() for parameter in network.parameters()])
masks = torch.cat([mask.flatten() for mask in result.masks.values()])
report = {
    "weights": weights.tolist(),
    "masks": masks.tolist(),
    "losses": [step.training_loss for step in result.history] + [r.training_loss for r in result.retraining],
    "accuracies": [record.validation_accuracy for record in result.retraining],
}
open(f"{sys.argv[1]}/{number}.json", "w").write(json.dumps(report))
"""


def run(folder: Path, processes: int, saliency: float) -> list[dict[str, list[float]]]:
    folder.mkdir()
    (folder / "script.py").write_text(SCRIPT)
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command += [str(folder / "script.py"), str(folder), str(saliency)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"{number}.json").read_text()) for number in range(processes)]


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no distributed package")
@pytest.mark.parametrize("saliency", [0.0, 0.5])
def test_two_processes_agree_and_end_as_one_up_to_rounding(tmp_path: Path, saliency: float) -> None:
    (alone,) = run(tmp_path / "one", 1, saliency)
    first, second = run(tmp_path / "two", 2, saliency)
    assert first == second
    assert first["masks"] == alone["masks"]
    torch.testing.assert_close(torch.tensor(first["weights"]), torch.tensor(alone["weights"]), rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(torch.tensor(first["losses"]), torch.tensor(alone["losses"]), rtol=1e-4, atol=1e-5)


def test_alone_nothing_is_exchanged() -> None:
    network = nn.Linear(2, 1)
    with process_group():
        assert (rank(), world_size()) == (0, 1)
        assert add_up(1.5, 2) == (1.5, 2)
        tensor = torch.tensor([3])
        assert from_first(tensor) is tensor
        shared_gradients(network.parameters())
    assert network.weight.grad is None
