"""The data set that a compressed model is tested with."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from codesign.loop.model_data import data_of, load_test_split
from compress.base.errors import CodesignError
from compress.base.settings import LARGEST_SEED
from compress.data.datasets import load_dataset
from compress.model.compressed_model import CompressedModel
from tests.codesign.models import small_model


def of_digits(**provenance: object) -> CompressedModel:
    return replace(small_model(), provenance=provenance)


@pytest.mark.parametrize("seed", [0, 7, LARGEST_SEED])
def test_the_test_images_are_those_of_the_models_seed(seed: int) -> None:
    expected = load_dataset("digits", seed).test.images
    assert torch.equal(load_test_split(of_digits(seed=seed), "digits").images, expected)


@pytest.mark.parametrize("seed", [True, False, -1, LARGEST_SEED + 1, 10**30, 1.0, "1", None, [0]])
def test_what_is_no_seed_is_refused(seed: object) -> None:
    with pytest.raises(CodesignError, match=r"the model's seed is .*, not a whole number from 0 to 4294967295"):
        load_test_split(of_digits(seed=seed), "digits")


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_model_that_names_no_data_is_refused(name: object) -> None:
    with pytest.raises(CodesignError, match="does not say which data"):
        data_of(of_digits(data=name))
