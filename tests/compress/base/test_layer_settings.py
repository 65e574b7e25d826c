import pytest

from compress.base.errors import CodesignError
from compress.base.layer_settings import by_layer

LAYERS = ["features.0", "features.10", "classifier.1"]


def test_names_go_before_patterns_and_later_patterns_before_earlier_ones() -> None:
    settings = {"features.0": 1, "*": 2, "features.*": 3}
    assert by_layer(LAYERS, settings) == {"features.0": 1, "features.10": 3, "classifier.1": 2}


def test_a_layer_that_no_key_names_has_no_setting() -> None:
    assert by_layer(LAYERS, {"feat*.?": 0.5}) == {"features.0": 0.5}


@pytest.mark.parametrize("key", ["fc", "fc*", "Features.*"])
def test_a_key_that_names_no_layer_is_a_clear_error(key: str) -> None:
    with pytest.raises(CodesignError, match="no prunable layer") as error:
        by_layer(LAYERS, {key: 1})
    assert "classifier.1" in error.value.next_step
