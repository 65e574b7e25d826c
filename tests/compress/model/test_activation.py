import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.activation import Activation


@given(st.integers(4, 8), st.floats(1e-6, 1e3), st.data())
def test_codes_come_back_from_what_they_stand_for(bits: int, scale: float, data: st.DataObject) -> None:
    zero_point = data.draw(st.integers(0, (1 << bits) - 1))
    activation = Activation((1 << bits,), bits, scale, zero_point)
    codes = np.arange(1 << bits, dtype=np.int16)[None]
    np.testing.assert_array_equal(activation.encode(activation.decode(codes)), codes)
    assert activation.decode(codes)[0, zero_point] == 0


def test_real_numbers_saturate_at_the_ends() -> None:
    unsigned, signed = Activation((1,), 8, 0.5, 3), Activation((1,), 8, 0.5, signed=True)
    reals = np.array([-1e9, 0.0, 0.25, 1e9])
    assert unsigned.encode(reals).tolist() == [0, 3, 3, 255]
    assert signed.encode(reals).tolist() == [-128, 0, 0, 127]


@pytest.mark.parametrize(
    ("members", "cause"),
    [
        ({"shape": ()}, "shape"),
        ({"shape": (3, 0)}, "shape"),
        ({"shape": (1 << 20, 1 << 20)}, "shape"),
        ({"bits": 3}, "3 bits"),
        ({"bits": 9}, "9 bits"),
        ({"scale": 0.0}, "scale"),
        ({"scale": float("nan")}, "scale"),
        ({"zero_point": 256}, "zero point"),
        ({"zero_point": -1}, "zero point"),
        ({"signed": True, "zero_point": 1}, "zero point"),
    ],
)
def test_a_type_that_no_tensor_has_is_refused(members: dict[str, object], cause: str) -> None:
    with pytest.raises(CodesignError, match=cause):
        Activation(**{"shape": (2, 4, 4), "bits": 8, "scale": 0.1, **members})  # type: ignore[arg-type]
