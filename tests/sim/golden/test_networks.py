"""Whole networks: through capture and calibration to integers, golden = torch, to a file and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from compress.data.datasets import Split
from compress.lowering.integerize import integerize
from compress.methods.post_training import levels_of
from compress.methods.quantize import QuantizeResult
from compress.model.compressed_model import CompressedModel
from compress.model.model_file import load_model, save_model
from compress.model.ops.registry import OPS
from compress.networks.fold import fold_batch_norms
from compress.networks.layers import prunable_layers
from compress.networks.registry import NETWORKS
from compress.storage.archive import read_model, save_archive
from sim.golden.golden import quantize_input, run_model
from tests.compress.lowering.random_networks import BLOCKS, random_network
from tests.compress.torch_reference import REFERENCES, run_reference

SIZES = {
    "digits-net": (1, 8, 8),
    "lenet5": (1, 28, 28),
    "lenet-300-100": (1, 28, 28),
    "alexnet": (3, 227, 227),
    "vgg16": (3, 224, 224),
    "squeezenet": (3, 99, 99),
    "resnet50": (3, 64, 64),
}
"""(C, H, W) where it is not CIFAR's: as small as the network allows, but for its true layers."""

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")


@torch.no_grad()
def rounded_to_levels(network: nn.Module) -> QuantizeResult:
    """Every weight on one of 8 bits' levels, the interval from the largest; as fast for 138 M weights as for few."""
    intervals = {name: float(layer.weight.abs().max()) / 128 or 1.0 for name, layer in prunable_layers(network).items()}
    for name, layer in prunable_layers(network).items():
        layer.weight.copy_(torch.round(layer.weight / intervals[name]) * intervals[name])
    return levels_of(network, intervals, dict.fromkeys(intervals, 8))


def integer(network: nn.Module, split: Split) -> CompressedModel:
    shape = tuple(split.images.shape[1:])
    folded = fold_batch_norms(network, shape)
    return integerize(folded, rounded_to_levels(folded), split, shape)


def images(shape: tuple[int, int, int], count: int) -> Split:
    pixels = torch.rand(count, *shape, generator=torch.Generator().manual_seed(0))
    return Split(pixels, torch.zeros(count, dtype=torch.int64))


@torch.no_grad()
def settle(network: nn.Module, shape: tuple[int, int, int]) -> None:
    """Running statistics as after a training, so that activations stay within a few units."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
    if norms:
        network.train()(images(shape, 8).images)
    network.eval()


def check_golden(model: CompressedModel, split: Split) -> None:
    answer = run_model(model, quantize_input(model, split.pixels.numpy()))
    np.testing.assert_array_equal(answer, run_reference(model, split).numpy())


def check_files(model: CompressedModel, folder: Path) -> None:
    save_model(model, folder / "model.safetensors")
    save_archive(model, folder / "model.packed")
    save_model(load_model(folder / "model.safetensors"), folder / "again.safetensors")
    save_model(read_model(folder / "model.packed"), folder / "unpacked.safetensors")
    written = (folder / "model.safetensors").read_bytes()
    assert (folder / "again.safetensors").read_bytes() == written
    assert (folder / "unpacked.safetensors").read_bytes() == written


@pytest.mark.parametrize("name", NETWORKS)
def test_each_of_our_networks_goes_all_the_way(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, shape = NETWORKS[name](), SIZES.get(name, (3, 32, 32))
    settle(network, shape)
    split = images(shape, 1 if name in SIZES else 2)
    model = integer(network, split)
    assert {layer.name for layer in model.layers} == set(prunable_layers(network))
    check_golden(model, split)
    if sum(layer.levels.size for layer in model.layers) < 1 << 25:
        check_files(model, tmp_path)


@given(st.lists(st.sampled_from(list(BLOCKS)), max_size=5), st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_golden_is_torchs_answer_on_any_graph(names: list[str], seed: int) -> None:
    split = images((2, 9, 8), 4)
    check_golden(integer(random_network(names, seed), split), split)


def test_every_operation_has_a_reference() -> None:
    assert set(REFERENCES) == set(OPS.values())
