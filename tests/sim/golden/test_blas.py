import numpy as np
import pytest
from threadpoolctl import threadpool_info

from sim.golden.blas import for_all, one_thread_each


def _threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_products_take_one_thread_and_give_the_others_back() -> None:
    before = _threads()
    with one_thread_each():
        assert set(_threads()) <= {1}
    assert _threads() == before


def test_every_part_is_done_once_and_faults_are_told() -> None:
    done = np.zeros(10, np.int64)

    def work(part: slice) -> None:
        done[part] += 1

    for_all(work, [slice(start, start + 2) for start in range(0, 10, 2)])
    for_all(work, [slice(0, 10)])
    for_all(work, [])
    assert done.tolist() == [2] * 10

    def fail(part: slice) -> None:
        raise ValueError("a part failed")

    for parts in ([slice(0, 1)], [slice(0, 1), slice(1, 2)]):
        with pytest.raises(ValueError, match="a part failed"):
            for_all(fail, parts)
