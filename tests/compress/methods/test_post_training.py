from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.methods.post_training import levels_of, round_weights
from compress.networks.layers import prunable_layers
from compress.networks.registry import build_network


@settings(max_examples=20, deadline=None)
@given(bits=st.integers(1, 8), density=st.sampled_from([0.0, 0.01, 0.3, 1.0]), seed=st.integers(0, 1000))
def test_weights_lie_on_levels_and_zeros_stay(bits: int, density: float, seed: int) -> None:
    network = build_network("digits-net", seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in prunable_layers(network).values():
            layer.weight *= torch.rand(layer.weight.shape, generator=generator) < density
    zeros = {name: layer.weight == 0 for name, layer in prunable_layers(network).items()}
    found = round_weights(network, {"*": bits})
    for name, layer in prunable_layers(network).items():
        levels = found.levels[name]
        assert torch.equal(levels == 0, zeros[name])
        assert int(levels.abs().max()) <= 1 << (bits - 1)
        assert torch.equal(levels * found.intervals[name], layer.weight.double().float())
    again = levels_of(network, found.intervals, found.weight_bits)
    assert all(torch.equal(again.levels[name], levels) for name, levels in found.levels.items())


def test_a_layer_without_bits_is_refused() -> None:
    with pytest.raises(CodesignError, match="'conv2' has no weight_bits"):
        round_weights(build_network("digits-net", 0), {"conv1": 8, "fc*": 8})
