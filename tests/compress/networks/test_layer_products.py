import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from compress.base.errors import CodesignError
from compress.networks.layer_products import columns_of, layer_products, running_order, weight_of_columns

PADDINGS: list[str | int | tuple[int, int]] = ["same", 0, 1, (2, 1)]
KERNELS: list[int | tuple[int, int]] = [1, 3, (2, 3)]


@st.composite
def convolutions(draw: st.DrawFn) -> nn.Conv2d:
    groups = draw(st.integers(1, 3))
    return nn.Conv2d(
        groups * draw(st.integers(1, 2)),
        groups * draw(st.integers(1, 3)),
        draw(st.sampled_from(KERNELS)),
        padding=draw(st.sampled_from(PADDINGS)),
        dilation=draw(st.integers(1, 2)),
        groups=groups,
        bias=draw(st.booleans()),
        padding_mode=draw(st.sampled_from(["zeros", "reflect"])),
    )


def without_bias(layer: nn.Conv2d, answered: Tensor) -> Tensor:
    return answered if layer.bias is None else answered - layer.bias.reshape(-1, 1, 1)


def images_for(channels: int) -> Tensor:
    return torch.rand(33, channels, 6, 7)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@settings(max_examples=25)
@given(convolutions(), st.integers(0, 2**16))
def test_the_products_give_the_error_of_any_other_weight(layer: nn.Conv2d, seed: int) -> None:
    torch.manual_seed(seed)
    layer.reset_parameters()  # drawn from the seed too, whatever ran before
    network, images = nn.Sequential(layer).eval(), images_for(layer.in_channels)
    changed = copy.deepcopy(layer)
    with torch.no_grad():
        changed.weight.copy_(torch.randn_like(layer.weight))
        error = (changed(images) - layer(images)).double().square().sum()
        energy = without_bias(layer, layer(images)).double().square().sum()
    products = layer_products(network, network, "0", images)
    columns = columns_of(layer, changed.weight.detach()).double()
    assert products.relative_error(columns) == pytest.approx(float(error / energy), rel=1e-4)


def test_a_linear_layer_reads_vectors_of_any_rank() -> None:
    torch.manual_seed(0)
    layer, images = nn.Linear(5, 3), torch.rand(33, 2, 4, 5)
    network = nn.Sequential(layer)
    products = layer_products(network, network, "0", images)
    rows = images.reshape(-1, 5).double()
    assert torch.allclose(products.gram[0], rows.T @ rows / len(rows), rtol=1e-5)
    weight = layer.weight.detach().double()
    assert torch.allclose(products.cross[0], rows.T @ rows @ weight.T / len(rows), rtol=1e-4)
    assert products.relative_error(columns_of(layer, weight)) == pytest.approx(0, abs=1e-6)


def test_x_is_of_the_network_and_y_of_the_reference() -> None:
    torch.manual_seed(0)
    first, last, images = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 4, 1), images_for(1)
    pruned = copy.deepcopy(first)
    nn.init.zeros_(pruned.weight[0])
    reference, network = (nn.Sequential(layer, nn.ReLU(), copy.deepcopy(last)).eval() for layer in (first, pruned))
    products = layer_products(network, reference, "2", images)
    x = pruned(images).relu().detach().permute(1, 0, 2, 3).reshape(2, -1).double()
    y = without_bias(last, reference(images)).detach().permute(1, 0, 2, 3).reshape(4, -1).double()
    assert torch.allclose(products.gram[0], x @ x.T / x.shape[1], rtol=1e-4)
    assert torch.allclose(products.cross[0], x @ y.T / x.shape[1], rtol=1e-4)


@given(convolutions())
def test_columns_are_the_weight_in_another_order(layer: nn.Conv2d) -> None:
    columns = columns_of(layer, layer.weight)
    assert columns.shape == (layer.groups, layer.weight[0].numel(), len(layer.weight) // layer.groups)
    assert torch.equal(weight_of_columns(columns, layer.weight.shape), layer.weight)
    assert torch.equal(columns[0, :, 0], layer.weight[0].flatten())


class Crossed(nn.Module):
    def __init__(self, idle: bool) -> None:
        super().__init__()
        self.second, self.first, self.idle = nn.Conv2d(2, 2, 1), nn.Conv2d(1, 2, 1), idle
        self.third = nn.Conv2d(2, 2, 1)

    def forward(self, images: Tensor) -> Tensor:
        outputs: Tensor = self.second(self.first(images))
        return outputs if self.idle else self.third(outputs)


def test_layers_are_ordered_as_they_run() -> None:
    network = Crossed(idle=False)
    assert running_order(network, images_for(1)[:1]) == ["first", "second", "third"]
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_a_layer_that_never_runs_is_told() -> None:
    with pytest.raises(CodesignError, match="'third' does not run"):
        running_order(Crossed(idle=True), images_for(1)[:1])
