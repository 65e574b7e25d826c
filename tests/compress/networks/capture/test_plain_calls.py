from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from compress.model.pool import Pool, PoolKind
from compress.networks.capture.capture import capture
from compress.networks.capture.plain_calls import PLAIN_RELUS, plain_pool

SIZES = st.tuples(st.integers(1, 4), st.integers(1, 4))


def _pool_of(module: nn.Module) -> Pool | None:
    captured = capture(nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), module), (1, 9, 8))
    pool = plain_pool(captured.calls[1])
    if pool is not None:
        assert (2, *pool.output_size(9, 8)) == captured.calls[1].shape
    return pool


@given(SIZES, st.none() | SIZES)
@settings(deadline=None, max_examples=6)
def test_kernel_and_stride_are_the_modules(kernel: tuple[int, int], stride: tuple[int, int] | None) -> None:
    assert _pool_of(nn.MaxPool2d(kernel, stride)) == Pool(PoolKind.MAX, kernel, stride or kernel)
    assert _pool_of(nn.AvgPool2d(kernel, stride)) == Pool(PoolKind.AVERAGE, kernel, stride or kernel)


@given(st.integers(1, 4), st.integers(1, 4))
@settings(deadline=None, max_examples=5)
def test_one_number_is_meant_for_rows_and_columns(kernel: int, stride: int) -> None:
    assert _pool_of(nn.MaxPool2d(kernel, stride)) == Pool(PoolKind.MAX, (kernel, kernel), (stride, stride))


def test_a_global_average_is_pooling() -> None:
    assert _pool_of(nn.AdaptiveAvgPool2d(1)) == Pool(PoolKind.AVERAGE, (9, 8), (9, 8))


@pytest.mark.parametrize(
    "module",
    [
        nn.MaxPool2d(3, padding=1),
        nn.MaxPool2d(2, dilation=2),
        nn.MaxPool2d(4, ceil_mode=True),
        nn.AvgPool2d(3, padding=1),
        nn.AvgPool2d(4, ceil_mode=True),
        nn.AvgPool2d(2, divisor_override=3),
        nn.AdaptiveAvgPool2d(3),
        nn.ReLU(),
    ],
    ids=str,
)
def test_anything_else_is_no_plain_pooling(module: nn.Module) -> None:
    assert _pool_of(module) is None


@pytest.mark.parametrize(
    ("module", "plain"), [(nn.ReLU(), True), (nn.ReLU(inplace=True), True), (nn.ReLU6(), False), (nn.SiLU(), False)]
)
def test_plain_relus_have_no_upper_limit(module: nn.Module, plain: bool) -> None:
    captured = capture(nn.Sequential(nn.Conv2d(1, 2, 3), module), (1, 9, 8))
    assert (captured.calls[1].target in PLAIN_RELUS) is plain
