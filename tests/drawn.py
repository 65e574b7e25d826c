"""Layers and arrays of any kind, drawn by Hypothesis or from a seed."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.model.layer import CompressedLayer, LayerKind, largest_level
from compress.model.pool import Pool, PoolKind
from compress.model.requantization import Requantization
from rtl.config import MAX_POWER_BITS, MULTIPLIERS, STREAM_BITS, ArrayConfig
from rtl.formats.bitmap import Bitmap
from rtl.formats.decompress import Decompress
from rtl.formats.dense import Dense
from rtl.formats.dense_zeros import DenseZeros
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat
from rtl.formats.nm import NM
from rtl.formats.rice import Rice
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.level_codes import power_bits
from sim.mapping.plan import plan_layer
from sim.mapping.pooling import array_window
from sim.mapping.schedule import group_schedule
from sim.mapping.slices import slice_rows


def draw_levels(
    shape: tuple[int, ...], weight_bits: int, density: float, seed: int, powers: bool = False
) -> NDArray[np.int16]:
    """Random levels without zero, pruned to about ``density``; powers of two where wanted."""
    rng = np.random.default_rng(seed)
    top = largest_level(weight_bits)
    magnitudes = 1 << rng.integers(0, weight_bits, shape) if powers else rng.integers(1, top + 1, shape)
    signed = magnitudes * rng.choice([-1, 1], shape)
    levels: NDArray[np.int16] = (signed * (rng.random(shape) < density)).astype(np.int16)
    return levels


def make_layer(
    levels_kcrs: NDArray[np.int16], weight_bits: int, height: int, width: int, **members: Any
) -> CompressedLayer:
    """A convolution of the given levels with plausible other members."""
    filters, channels = levels_kcrs.shape[:2]
    defaults: dict[str, Any] = {
        "name": "layer",
        "kind": LayerKind.CONV2D,
        "interval": 1.0,
        "bias": np.arange(filters, dtype=np.int32) * 37 - 50,
        "input_shape": (channels, height, width),
        "requantization": Requantization.from_scale(2.0**-6),
        "input_scale": 1.0,
        "output_scale": 1.0,
    }
    return CompressedLayer(levels=levels_kcrs, weight_bits=weight_bits, **{**defaults, **members})


@st.composite
def poolings(draw: st.DrawFn, height: int, width: int) -> Pool | None:
    """None, or a pooling that fits: in most cases one that some array does, with rows and columns left over."""
    if height * width == 1 or draw(st.booleans()):
        return None
    size = st.sampled_from([2, 2, 2, 1, 3, 4])
    kernel = min(draw(size), height), min(draw(size), width)
    if kernel == (1, 1):
        kernel = min(2, height), min(2, width)
    stride = draw(st.sampled_from([kernel, kernel, kernel, (1, 1), (2, 2)]))
    return Pool(draw(st.sampled_from(PoolKind)), kernel, stride)


@st.composite
def paddings(draw: st.DrawFn) -> tuple[tuple[int, int], tuple[int, int] | None]:
    """Padding before and after a map; past the kernel too, and None after it where it is that before."""
    sizes = st.tuples(st.integers(0, 3), st.integers(0, 3))
    return draw(sizes), draw(st.none() | sizes)


dilations = st.just((1, 1)) | st.sampled_from([(2, 2), (1, 3), (2, 1), (3, 2)])
"""Pixels from one weight of a kernel to the next."""


@st.composite
def map_sizes(
    draw: st.DrawFn,
    kernel: tuple[int, int],
    dilation: tuple[int, int],
    padding: tuple[int, int],
    padding_end: tuple[int, int] | None,
) -> tuple[int, int]:
    """Rows and columns of a map that the kernel fits, a few of its places at most."""
    spans = (step * (taps - 1) + 1 for step, taps in zip(dilation, kernel, strict=True))
    borders = zip(padding, padding_end or padding, strict=True)
    height, width = (
        draw(st.integers(max(1, span - sum(border)), span + 5)) for span, border in zip(spans, borders, strict=True)
    )
    return height, width


@st.composite
def layers(draw: st.DrawFn, dense: bool = False, act_bits: int | None = None) -> CompressedLayer:
    """Small layers with hostile shapes: strides past the kernel, padding past it, one pixel, empty filters."""
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    (padding, padding_end), dilation = draw(paddings()), draw(dilations)
    height, width = draw(map_sizes(kernel, dilation, padding, padding_end))
    filters, channels = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    weight_bits = draw(st.integers(1, 8))
    density = 1.0 if dense else draw(st.sampled_from([0.0, 0.02, 0.1, 0.4, 0.8, 1.0]))
    seed, powers = draw(st.integers(0, 2**16)), draw(st.sampled_from([False, False, True]))
    levels = draw_levels((filters, channels, *kernel), weight_bits, density, seed, powers)
    if not dense and draw(st.booleans()):
        levels[draw(st.integers(0, filters - 1))] = 0
    stride = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    shape, size = (filters, channels, *kernel), (channels, height, width)
    geometry = ArrayGeometry(shape, size, stride, padding, dilation=dilation, padding_end=padding_end)
    act_bits, relu = act_bits or draw(st.integers(4, 8)), draw(st.booleans())
    zero_points = st.integers(0, (1 << act_bits) - 1)
    return make_layer(
        levels,
        weight_bits,
        height,
        width,
        pool=draw(poolings(*geometry.output_size)),
        bias=np.array(draw(st.lists(st.integers(-5000, 5000), min_size=filters, max_size=filters)), np.int32),
        requantization=Requantization.from_scale(2.0 ** draw(st.integers(-14, 1))),
        act_bits=act_bits,
        stride=stride,
        padding=padding,
        dilation=dilation,
        padding_end=padding_end,
        input_zero_point=draw(st.just(0) | zero_points),
        output_zero_point=draw(zero_points) if relu else 0,
        relu=relu,
    )


INDICES: dict[type[IndexFormat], st.SearchStrategy[IndexFormat]] = {
    Dense: st.just(Dense()),
    Fixed: st.builds(Fixed, st.integers(1, 6)),
    Bitmap: st.builds(Bitmap, st.integers(1, 12)),
    Rice: st.builds(Rice, st.integers(0, 7)),
    NM: st.sampled_from([NM(1, 2), NM(2, 4), NM(1, 4), NM(3, 4), NM(2, 3), NM(4, 7)]),
    Decompress: st.just(Decompress()),
    DenseZeros: st.just(DenseZeros()),
}
"""Formats of every kind, with parameters that small layers reach the limits of."""


@st.composite
def codes_for(draw: st.DrawFn, layer: CompressedLayer, least_bits: int) -> tuple[str, int]:
    """The kind of levels of an array, and bits of codes that are enough for the layer."""
    try:
        least = max(least_bits, power_bits(layer.name, layer.levels))
        powers = [("powers", bits) for bits in (least, MAX_POWER_BITS)]
    except CodesignError:
        powers = []
    return draw(st.sampled_from([*powers, ("linear", layer.weight_bits), ("linear", 8)]))


@st.composite
def arrays_for(draw: st.DrawFn, layer: CompressedLayer, batch: int, index: IndexFormat, rows: int = 0) -> ArrayConfig:
    """An array of any shape, with banks just deep enough for the layer; it pools most windows that it can."""
    pixels = prod(array_window(layer.pool))
    block = pixels if 1 < pixels <= 9 and draw(st.sampled_from([True, True, False])) else 1
    lanes, rows = block * draw(st.integers(1, 9 // block)), rows or draw(st.integers(1, 5))
    levels, weight_bits = draw(codes_for(layer, 2 if isinstance(index, NM) else 1))
    requant_lanes = draw(st.sampled_from([n for n in range(1, lanes + 1) if lanes % (block * n) == 0]))
    geometry = ArrayGeometry.of(layer).on(lanes, requant_lanes)
    dense = isinstance(index, Dense | DenseZeros)
    chain_depth = draw(st.sampled_from([0, 0, 1, 2] if dense else [1, 2, 3]))
    lockstep = chain_depth == 0
    depths = plan_layer(layer.levels != 0, geometry, rows, lanes, index, batch, weight_bits, lockstep=lockstep).depths
    return ArrayConfig(
        rows=rows,
        lanes=lanes,
        weight_bits=weight_bits,
        levels=levels,
        act_bits=layer.act_bits,
        index=index,
        requant_lanes=requant_lanes,
        multipliers=draw(st.sampled_from(MULTIPLIERS)),
        aligner_stages=draw(st.integers(1, 2)),
        chain_depth=chain_depth,
        subarrays=1 if lockstep else draw(st.sampled_from([n for n in (1, 2, 4, 8) if rows % n == 0])),
        stream_bits=draw(st.sampled_from(STREAM_BITS)),
        buffers=draw(st.sampled_from([1, 2])),
        **vars(depths),
    )


@st.composite
def layers_and_arrays(draw: st.DrawFn, kind: type[IndexFormat], batch: int = 1) -> tuple[CompressedLayer, ArrayConfig]:
    """A layer and an array of one kind of index format that it fits."""
    index, rows = draw(INDICES[kind]), draw(st.integers(1, 5))
    layer = draw(layers(kind is Dense))
    if isinstance(index, NM):
        layer = replace(layer, weight_bits=max(2, layer.weight_bits), levels=nm_levels(layer.levels, index, rows))
    return layer, draw(arrays_for(layer, batch, index, rows))


def nm_levels(levels: NDArray[np.int16], index: NM, rows: int) -> NDArray[np.int16]:
    """Levels pruned to what ``index`` stores in each row, with a weight more where a group's only word needs one."""
    filters_kct = levels.reshape(*levels.shape[:2], -1).copy()
    for _ in range(30):  # pruning changes which row gets which channel
        before = filters_kct.copy()
        for part in slice_rows(filters_kct != 0, rows):
            taken = np.asarray(part.take(filters_kct))
            for first in range(0, part.positions, index.m):
                group = taken[:, first : first + index.m]
                group[np.cumsum(group != 0, axis=1) > index.n] = 0
                if index.n == 1 or group.shape[1] == 1:
                    group[~group.any(axis=1), 0] = 1
            shape = (len(taken), len(part.channels), len(part.taps))
            filters_kct[np.ix_(range(len(taken)), part.channels, part.taps)] = taken.reshape(shape)
        if np.array_equal(before, filters_kct):
            return filters_kct.reshape(levels.shape)
    assume(False)
    return levels


def row_levels(
    index: IndexFormat, shape: tuple[int, int], weight_bits: int, density: float, seed: int, powers: bool = False
) -> tuple[NDArray[np.int16], int]:
    """(K, L) random levels that one row of ``index`` can store, and the bits of their codes."""
    levels = draw_levels(shape, weight_bits, 1.0 if isinstance(index, Dense) else density, seed, powers)
    bits = power_bits("row", levels) if powers else weight_bits
    if isinstance(index, NM):
        return nm_levels(levels[:, :, None, None], index, rows=1)[:, :, 0, 0], max(2, bits)
    return levels, bits


@st.composite
def tiled_cases(draw: st.DrawFn, kind: type[IndexFormat]) -> tuple[CompressedLayer, ArrayConfig, int]:
    """A layer of one or more groups, an array whose banks may be too small for it as a whole, and a batch."""
    layer, config = draw(layers_and_arrays(kind))
    groups, batch = draw(st.sampled_from([1, 1, 2, 3, 5])), draw(st.integers(1, 3))
    if groups > 1:
        filters, channels = layer.levels.shape[:2]
        filters = draw(st.integers(1, min(2, filters)))
        signs = np.array(draw(st.lists(st.sampled_from([-1, 1]), min_size=groups, max_size=groups)), np.int16)
        levels = layer.levels[:filters]
        if isinstance(config.index, NM):  # fewer filters are dealt to the rows in another way
            levels = nm_levels(levels, config.index, config.rows)
        levels = levels[None] * signs[:, None, None, None, None]
        layer = replace(
            layer,
            levels=np.ascontiguousarray(levels.reshape(-1, *layer.levels.shape[1:])),
            bias=np.tile(layer.bias[:filters], groups),
            input_shape=(channels * groups, *layer.input_shape[1:]),
            groups=groups,
        )
    needed = vars(group_schedule(layer.levels != 0, ArrayGeometry.of(layer), config, batch).depths)
    depths = {bank: draw(st.integers(-(-words // draw(st.integers(1, 3))), words)) for bank, words in needed.items()}
    depths = {**depths, "table_depth": needed["table_depth"] * draw(st.integers(1, 4))}
    if config.subarrays > 1 and draw(st.booleans()):  # whose rows have more of a filter each
        depths = {bank: config.subarrays * words for bank, words in needed.items()}
    depths["activation_depth"] += depths["activation_depth"] % 2
    return layer, config.replace(**{bank: max(words, 4) for bank, words in depths.items()}), batch


def draw_activations(layer: CompressedLayer, batch: int, seed: int) -> NDArray[np.uint8]:
    """(batch, C, H, W) of the layer's whole activation range."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 1 << layer.act_bits, (batch, *layer.input_shape)).astype(np.uint8)
