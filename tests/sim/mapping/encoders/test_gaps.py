"""Steps between nonzeros."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from sim.mapping.encoders.gaps import RowGaps, Step, place_steps

masks = hnp.arrays(np.bool_, st.tuples(st.integers(1, 6), st.integers(1, 40)), elements=st.sampled_from([0, 0, 0, 1]))


@given(masks, st.integers(1, 20))
def test_steps_lead_to_every_nonzero_and_are_counted_in_the_filter_where_they_stop(
    mask: NDArray[np.bool_], step: int
) -> None:
    steps = RowGaps(mask).steps(step)
    listed: list[Step] = []
    for fillers, gap, mark in zip(steps.fillers, steps.gap, steps.marks, strict=True):
        assert 0 <= gap < step
        listed += [Step(step)] * int(fillers)
        listed.append(Step(0, ends_filter=True) if mark else Step(int(gap), 1))
    np.testing.assert_array_equal(place_steps(listed, *mask.shape), mask)
    assert steps.tokens_k.sum() == len(listed)
    assert steps.tokens_k.min() >= 1
