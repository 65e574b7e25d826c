import os
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.base.progress import Progress, Update
from compress.data.datasets import Dataset, Split
from compress.methods.registry import Target, prune
from compress.train.distributed import rank, world_size
from compress.train.launch import together

CONFIG = AdmmConfig(iterations=2, batch_size=11, retrain_epochs=1, learning_rate=1e-3, tolerance=0)

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no distributed package")


def split(count: int, seed: int) -> Split:
    images = torch.rand(count, 1, 6, 6, generator=torch.Generator().manual_seed(seed))
    return Split(images, (images.mean(dim=(1, 2, 3)) * 50).long() % 4)


def pruned(folder: Path, progress: Progress | None = None) -> dict[str, Tensor]:
    torch.set_num_threads(1)
    torch.manual_seed(3)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4))
    data = Dataset("random", split(45, 0), split(20, 1), split(20, 2))
    (folder / f"{rank()} of {world_size()} {os.getpid()}").touch()
    prune(network, data, "admm", Target(ratio=3.0), CONFIG, folder, progress)
    return network.state_dict()


def failing(cause: str, progress: Progress | None = None) -> None:
    raise CodesignError(cause, "correct it")


def dying(progress: Progress | None = None) -> None:
    os._exit(3)


def test_two_processes_end_as_one_up_to_rounding_and_tell_their_progress(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    threads = torch.get_num_threads()
    alone = pruned(tmp_path / "one")
    torch.set_num_threads(threads)
    seen: list[Update] = []
    shared = together(2, pruned, tmp_path / "two", progress=seen.append)
    for name, expected in alone.items():
        torch.testing.assert_close(shared[name], expected, rtol=1e-3, atol=1e-5)
        assert torch.equal(shared[name] != 0, expected != 0)
    assert [(update.stage, update.done) for update in seen] == [("prune", 1), ("prune", 2), ("retrain", 1)]
    members = [file.name.split() for file in (tmp_path / "two").iterdir() if " of " in file.name]
    assert sorted(member[:3] for member in members) == [["0", "of", "2"], ["1", "of", "2"]]
    assert str(os.getpid()) not in {member[3] for member in members}


def test_what_the_function_raises_is_raised_here() -> None:
    with pytest.raises(CodesignError, match="the loss is not finite") as raised:
        together(2, failing, "the loss is not finite")
    assert raised.value.next_step == "correct it"


def test_a_process_that_dies_is_a_clear_error() -> None:
    with pytest.raises(CodesignError, match=r"one of 2 processes died(.|\n)*exitcode *: 3"):
        together(2, dying)


def test_one_process_is_this_one() -> None:
    assert together(1, os_id) == os.getpid()


def os_id(progress: Progress | None = None) -> int:
    return os.getpid()
