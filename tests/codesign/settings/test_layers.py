from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from codesign.settings.layers import GivenAlphas, WeightBits, geometries
from compress.base.errors import CodesignError
from compress.model.layer import LayerKind
from compress.networks.layers import LayerGeometry

NAMES = ("conv1", "conv2", "fc1")
LAYERS = [LayerGeometry((4, 4, 1, 1), (4, 1, 1), name=name, kind=LayerKind.LINEAR) for name in NAMES]
BITS = st.integers(1, 8)


@given(BITS, st.dictionaries(st.sampled_from(NAMES), BITS), st.dictionaries(st.sampled_from(NAMES), BITS))
def test_a_layers_own_bits_go_before_the_presets_and_these_before_those_of_all(
    every: int, preset: dict[str, int], layers: dict[str, int]
) -> None:
    found = WeightBits(every, preset, layers).of(LAYERS)
    assert found == {name: layers.get(name, preset.get(name, every)) for name in NAMES}


@given(st.dictionaries(st.sampled_from(NAMES), st.floats(0.01, 1)))
def test_layers_without_an_alpha_stay_dense(alphas: dict[str, float]) -> None:
    assert GivenAlphas("given", layers=alphas).of(LAYERS) == {**dict.fromkeys(NAMES, 1.0), **alphas}
    assert GivenAlphas("whole", layers=alphas, whole=True).of(LAYERS) == alphas


def test_a_presets_patterns_are_matched_and_own_alphas_go_before_them() -> None:
    found = GivenAlphas("a paper", {"conv*": 0.5, "*": 0.1}, {"conv2": 0.25}).of(LAYERS)
    assert found == {"conv1": 0.1, "conv2": 0.25, "fc1": 0.1}


def test_a_name_that_the_network_lacks_is_refused_with_its_key() -> None:
    with pytest.raises(CodesignError, match=r"compress\.layer_bits names layer 'fc'") as error:
        WeightBits(8, layers={"fc": 4}).of(LAYERS)
    assert error.value.next_step == "use: conv1, conv2, fc1"
    with pytest.raises(CodesignError, match=r"compress\.alpha names layer 'fc'"):
        GivenAlphas("given", layers={"fc": 0.5}).of(LAYERS)


def test_the_array_runs_a_network_without_its_batch_norms() -> None:
    body = [nn.Conv2d(1, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(4)]
    network = nn.Sequential(*body, nn.Flatten(), nn.Linear(12, 10)).eval()
    assert [layer.weight_shape for layer in geometries(network, (1, 8, 8))] == [(3, 1, 3, 3), (10, 12, 1, 1)]
