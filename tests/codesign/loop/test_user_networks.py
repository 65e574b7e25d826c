"""Networks and images of the user's own through the commands: batch norms, colour, folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from codesign.cli.app import main
from codesign.settings.network_file import load_network
from compress.data.datasets import load_dataset
from compress.model.model_file import load_model
from compress.train.training import accuracy

NETWORKS = """
import torch
from torch import nn
from torch.nn.utils import prune

def normed():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10)
    )

def colour():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(3), nn.Flatten(),
        nn.Linear(16, 3)
    )

def plain():
    return nn.Sequential(
        nn.Conv2d(1, 4, 8), nn.ReLU(), nn.Flatten(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(),
        nn.Linear(4, 10)
    )

def hooked():
    made = plain()
    made[3].register_forward_hook(lambda module, inputs, outputs: outputs / 2)
    return made

def pruned():
    made = plain()
    prune.l1_unstructured(made[0], "weight", 0.5)
    return made

def tied():
    made = plain()
    made[5].weight = made[3].weight
    return made

def half():
    return plain().half()

def frozen():
    return plain().requires_grad_(False)

def wrapped():
    return nn.DataParallel(plain())

class dropped(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 10)

    def forward(self, images):
        return self.fc(nn.functional.dropout(images.view(images.size(0), -1)))

def nothing():
    plain()

def two_classes():
    return nn.Sequential(nn.Conv2d(1, 4, 8), nn.ReLU(), nn.Flatten(), nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
"""
SETTINGS = """
[compress]
alpha = {{ 0 = 0.5, 5 = 0.5 }}
prune = {{ iterations = 2, retrain_epochs = 2, batch_size = {batch} }}
quantize = {{ iterations = 1, retrain_epochs = 1, batch_size = {batch} }}
[train]
epochs = {epochs}
batch_size = {batch}
"""

Call = Callable[..., int | str | None]


@pytest.fixture(autouse=True)
def networks(tmp_path: Path) -> None:
    """Beside the run file; neither on the Python path nor loaded by an earlier test."""
    (tmp_path / "user_test_networks.py").write_text(NETWORKS)


@pytest.fixture
def call(tmp_path: Path) -> Call:
    """Run a command on a run file in an output folder."""

    def run(command: str, network: str, data: str, epochs: int = 6, batch: int = 32) -> int | str | None:
        run_file = f'[network]\nname = "user_test_networks:{network}"\n[data]\n{data}\n'
        (tmp_path / "run.toml").write_text(run_file + SETTINGS.format(epochs=epochs, batch=batch))
        with pytest.raises(SystemExit) as stopped:
            main([command, str(tmp_path / "run.toml"), "--out", str(tmp_path / "out")])
        return stopped.value.code

    return run


def compress_with_given_alphas(call: Call, folder: Path, network: str, data: str, **settings: int) -> Path:
    """Train and compress; the curves, which given alphas do not need, are not measured. Returns the output folder."""
    assert call("train", network, data, **settings) == 0
    (folder / "out" / "break_even.json").write_text('{"curves": []}')
    assert call("compress", network, data, **settings) == 0
    return folder / "out"


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", *map(str, arguments), "--json"])
    assert stopped.value.code == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_network_with_batch_norms_becomes_an_integer_model(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = compress_with_given_alphas(call, tmp_path, "normed", 'name = "digits"')
    model = load_model(out / "model.safetensors")
    kept = {layer.name: layer.nonzeros for layer in model.layers}
    assert kept == {"0": 18, "5": 512, "8": 160}
    assert model.layers[0].bias.any()  # of the batch norm: the convolution has none
    found = evaluated(capsys, out / "model.safetensors")
    test = load_dataset("digits", 0).test
    folded = load_network(out / "quantized.safetensors", "user_test_networks:normed", tmp_path)
    assert not any("Norm" in type(module).__name__ for module in folded.modules())
    assert found["accuracy"] == pytest.approx(accuracy(folded, test), abs=0.02)
    assert found["accuracy"] > 0.6


def test_colour_images_in_folders_are_trained_on_compressed_and_evaluated(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(0)
    for part, count in (("train", 16), ("val", 4)):
        for channel, name in enumerate(("red", "green", "blue")):
            (tmp_path / "photos" / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 120, (16, 16, 3)) + 120 * (np.arange(3) == channel)
                image = Image.fromarray(pixels.astype(np.uint8))
                image.save(tmp_path / "photos" / part / name / f"{number}.png")
    data = 'name = "imagefolder:16"\nfolder = "photos"'
    out = compress_with_given_alphas(call, tmp_path, "colour", data, epochs=10, batch=8)
    found = evaluated(capsys, out / "model.safetensors", "--folder", tmp_path / "photos")
    assert (found["data"], found["test_images"]) == ("imagefolder:16", 12)
    assert found["accuracy"] > 0.6
    assert [layer["kept"] for layer in found["layers"]] == [54, 24]


@pytest.mark.parametrize(
    ("network", "told"),
    [
        ("two_classes", "2 outputs"),
        ("hooked", "'3' has a forward hook"),
        ("pruned", "the weight of '0' is computed by torch.nn.utils.prune"),
        ("tied", "'3.weight' and '5.weight' share"),
        ("half", "'0.weight' is float16"),
        ("frozen", "nothing to train"),
        ("wrapped", "torch's DataParallel"),
        ("dropped", "drops activations in evaluation too"),
        ("nothing", "returned nothing"),
    ],
)
def test_a_network_that_cannot_be_compressed_is_told_before_training(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str], network: str, told: str
) -> None:
    assert call("train", network, 'name = "digits"') == 2
    error = capsys.readouterr().err
    assert told in " ".join(error.split())
    assert "Traceback" not in error
    assert not list((tmp_path / "out").rglob("*.safetensors"))
