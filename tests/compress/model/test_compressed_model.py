from dataclasses import replace

import pytest

from compress.base.errors import CodesignError
from compress.model.compressed_model import CompressedModel


def test_layers_are_found_by_name(model: CompressedModel) -> None:
    assert model.layer("fc") is model.layers[1]
    assert model.input_shape == (2, 8, 7)
    with pytest.raises(CodesignError, match="no layer 'fc2'") as error:
        model.layer("fc2")
    assert "conv, fc" in error.value.next_step


def test_layers_that_do_not_feed_each_other_are_a_clear_error(model: CompressedModel) -> None:
    conv, fc = model.layers
    for layers, cause in (
        ((), "at least one layer"),
        ((conv, replace(fc, name="conv")), "names repeat"),
        ((replace(conv, pool=None), fc), "one gives"),
        ((replace(conv, relu=False), fc), "signed outputs"),
        ((conv, replace(fc, act_bits=7)), "activation bits"),
        ((conv, replace(fc, input_scale=0.012)), "scales"),
    ):
        with pytest.raises(CodesignError, match=cause):
            CompressedModel(layers)
