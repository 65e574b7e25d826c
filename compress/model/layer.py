"""One pruned, quantized layer as integers: the value every later package reads."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.model.activation import FEWEST_BITS, MOST_BITS, Activation
from compress.model.geometry import ConvGeometry
from compress.model.pool import Pool
from compress.model.requantization import Requantization

__all__ = ["CompressedLayer", "LayerKind", "largest_level"]

MAX_WEIGHT_BITS = 8
MAX_SIZE = 1 << 24


class LayerKind(Enum):
    """What the layer is in the network; the array runs a Linear layer as a 1x1 convolution."""

    CONV2D = "conv2d"
    LINEAR = "linear"


def largest_level(weight_bits: int) -> int:
    """M/2 with M = 2**weight_bits: levels are -M/2..-1 and 1..M/2; zero means pruned (003 section 3.4.2)."""
    return 1 << (weight_bits - 1)


@dataclass(frozen=True, eq=False)
class CompressedLayer:
    """A Conv2d or Linear layer in integers, with what follows it up to the next layer.

    The real weight is ``levels * interval``, the real input ``(code - input_zero_point) * input_scale``, so an
    accumulator counts in units of ``interval * input_scale``. The array multiplies codes: zero points are in the bias.
    A Linear layer is a 1x1 convolution of a (C, 1, 1) input.

    Members
    -------
    levels : int16 array (K, C / groups, R, S)
        Nonzero levels in -2**(n-1)..-1, 1..2**(n-1) with n = ``weight_bits``; 0 is a pruned weight.
    bias : int32 array (K,)
        In accumulator units; less the input's zero point times the filter's sum of levels, plus the output's.
    requantization : Requantization
        From accumulator to output activation.
    act_bits : int
        Inputs are unsigned, 0..2**act_bits - 1. Outputs too when ``relu``, else they are signed,
        -2**(act_bits-1)..2**(act_bits-1)-1.
    input_shape : (C, H, W)
        One sample, before padding.
    padding : (rows, columns)
        Pixels of ``input_zero_point`` before the first row and column.
    padding_end : (rows, columns)
        After the last; None where it is the same.
    relu : bool
        Whether outputs are unsigned codes: a ReLU where ``output_zero_point`` is 0. Signed ones are a network's answer.
    dense_shape : (K, C, groups) or None
        Of the network's layer, where filters or channels of it were folded away (``fold_constants``).
    """

    name: str
    kind: LayerKind
    levels: NDArray[np.int16]
    weight_bits: int
    interval: float
    bias: NDArray[np.int32]
    input_shape: tuple[int, int, int]
    requantization: Requantization
    input_scale: float
    output_scale: float
    act_bits: int = 8
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1
    relu: bool = True
    pool: Pool | None = None
    dilation: tuple[int, int] = (1, 1)
    padding_end: tuple[int, int] | None = None
    input_zero_point: int = 0
    output_zero_point: int = 0
    dense_shape: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        self._check_weights()
        self._check_geometry()
        self._check_scales()
        self.levels.setflags(write=False)
        self.bias.setflags(write=False)

    def _fail(self, cause: str, next_step: str) -> None:
        raise CodesignError(f"layer {self.name!r}: {cause}", next_step)

    def _check_weights(self) -> None:
        if not 1 <= self.weight_bits <= MAX_WEIGHT_BITS:
            self._fail(f"weight_bits must be 1..{MAX_WEIGHT_BITS}, not {self.weight_bits}", "choose fewer or more bits")
        if self.levels.dtype != np.int16 or self.levels.ndim != 4 or 0 in self.levels.shape:
            self._fail(
                f"levels must be a non-empty int16 array (K, C, R, S), not {self.levels.dtype} {self.levels.shape}",
                "convert and reshape the weights first",
            )
        if int(np.abs(self.levels.astype(np.int32)).max()) > largest_level(self.weight_bits):
            self._fail(
                f"a level exceeds +-{largest_level(self.weight_bits)}, the largest of {self.weight_bits} bits",
                "quantize again with more bits or a larger interval",
            )
        if self.bias.dtype != np.int32 or self.bias.shape != (self.levels.shape[0],):
            self._fail(
                f"bias must be int32 with {self.levels.shape[0]} values, not {self.bias.dtype} {self.bias.shape}",
                "give one bias per filter",
            )

    def _check_geometry(self) -> None:
        filters, channels, kernel_rows, kernel_columns = self.levels.shape
        padding = (*self.padding, *(self.padding_end or ()))
        if min(*self.input_shape, *self.stride, *self.dilation, self.groups) < 1 or min(padding) < 0:
            self._fail("sizes, strides and groups must be positive, padding not negative", "check the layer's geometry")
        if max(*self.input_shape, *self.stride, *self.dilation, *padding, self.groups) > MAX_SIZE:
            self._fail(f"a size, stride or padding exceeds {MAX_SIZE}", "check the layer's geometry")
        if self.input_shape[0] != channels * self.groups or filters % self.groups:
            self._fail(
                f"{self.input_shape[0]} input channels and {filters} filters do not fit "
                f"{channels} channels in each of {self.groups} groups",
                "check the input shape and the groups",
            )
        if self.dense_shape is not None:
            self._check_dense_shape(*self.dense_shape)
        if self.kind is LayerKind.LINEAR and (
            (kernel_rows, kernel_columns) != (1, 1) or self.input_shape[1:] != (1, 1) or any(padding)
        ):
            self._fail("a linear layer has a 1x1 kernel, a (C, 1, 1) input and no padding", "flatten its input")
        if min(self.output_shape) < 1:
            self._fail(f"the kernel does not fit its input {self.input_shape}", "check kernel, padding and pooling")

    def _check_dense_shape(self, filters: int, channels: int, groups: int) -> None:
        if not (
            len(self.levels) <= filters <= MAX_SIZE
            and self.input_shape[0] <= channels <= MAX_SIZE
            and self.groups <= groups
            and filters % groups == channels % groups == 0
        ):
            self._fail(
                f"dense_shape {self.dense_shape} does not hold {len(self.levels)} filters of {self.input_shape[0]} "
                f"channels in {self.groups} groups",
                "give the sizes of the layer before folding, or None",
            )

    def _check_scales(self) -> None:
        if not FEWEST_BITS <= self.act_bits <= MOST_BITS:
            self._fail(f"act_bits must be 4..8, not {self.act_bits}", "choose 4 to 8 activation bits")
        for name in ("interval", "input_scale", "output_scale"):
            value = getattr(self, name)
            if not np.isfinite(value) or value <= 0:
                self._fail(f"{name} must be positive and finite, not {value}", "calibrate the model again")
        highest = (1 << self.act_bits) - 1
        for name in ("input_zero_point", "output_zero_point"):
            if not 0 <= (value := getattr(self, name)) <= highest:
                self._fail(f"{name} must be 0..{highest}, not {value}", "calibrate the model again")
        if self.output_zero_point and not self.relu:
            self._fail("signed outputs have the zero point 0", "calibrate the model again")

    @property
    def geometry(self) -> ConvGeometry:
        """The layer's sizes."""
        filters, channels, kernel_rows, kernel_columns = self.levels.shape
        shape = (filters, channels, kernel_rows, kernel_columns)
        return ConvGeometry(
            shape, self.input_shape, self.stride, self.padding, self.groups, self.dilation, self.padding_end
        )

    @property
    def dense_geometry(self) -> ConvGeometry:
        """The sizes of the network's layer, with the channels that were folded away."""
        if self.dense_shape is None:
            return self.geometry
        filters, channels, groups = self.dense_shape
        shape = (filters, channels // groups, *self.geometry.weight_shape[2:])
        return replace(self.geometry, weight_shape=shape, input_shape=(channels, *self.input_shape[1:]), groups=groups)

    @property
    def conv_shape(self) -> tuple[int, int, int]:
        """(K, H_out, W_out) of one sample before pooling: what the array produces."""
        return self.geometry.output_shape

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """(K, H, W) of one sample after pooling: what the next layer reads."""
        filters, rows, columns = self.conv_shape
        return (filters, rows, columns) if self.pool is None else (filters, *self.pool.output_size(rows, columns))

    @property
    def code_range(self) -> tuple[int, int]:
        """The smallest and the largest code that it gives."""
        half = 1 << (self.act_bits - 1)
        return (0, 2 * half - 1) if self.relu else (-half, half - 1)

    @property
    def reads(self) -> tuple[int, ...]:
        """The shape that it reads in a network's graph: a linear layer reads a vector."""
        return self.input_shape[:1] if self.kind is LayerKind.LINEAR else self.input_shape

    @property
    def gives(self) -> tuple[int, ...]:
        """The shape that it gives in a network's graph: a linear layer gives a vector."""
        return self.output_shape[:1] if self.kind is LayerKind.LINEAR else self.output_shape

    def output(self, inputs: tuple[Activation, ...]) -> Activation:
        """The type of its result in a network's graph; CodesignError if it does not read just such an input."""
        link = f"layer {self.name!r} does not fit its input"
        if len(inputs) != 1:
            raise CodesignError(f"{link}: it reads one, not {len(inputs)}", "check the graph")
        (given,) = inputs
        if given.shape != self.reads:
            raise CodesignError(f"{link}: it is {given.shape}, the layer reads {self.reads}", "check the graph")
        if given.signed:
            raise CodesignError(f"{link}: it has signed codes", "give it a zero point instead, or put a ReLU before")
        if given.bits != self.act_bits:
            raise CodesignError(f"{link}: {given.bits} and {self.act_bits} activation bits", "use one width")
        if not math.isclose(given.scale, self.input_scale, rel_tol=1e-9) or given.zero_point != self.input_zero_point:
            raise CodesignError(
                f"{link}: scales {given.scale} and {self.input_scale}, "
                f"zero points {given.zero_point} and {self.input_zero_point}",
                "calibrate again",
            )
        return Activation(self.gives, self.act_bits, self.output_scale, self.output_zero_point, signed=not self.relu)

    def zero_point_sums(self) -> NDArray[np.int64]:
        """(K,) what zero points add to the biases, in accumulator units.

        The input's leaves, times the filter's sum of levels; the output's comes in, as the requantization scales it.
        """
        sums_of_levels = self.levels.reshape(len(self.levels), -1).sum(axis=1, dtype=np.int64)
        scale = self.requantization
        shifted = round(self.output_zero_point * 2**scale.shift / scale.multiplier)
        return np.asarray(shifted - self.input_zero_point * sums_of_levels, np.int64)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one sample before pruning, those of channels that were folded away included."""
        return self.dense_geometry.macs

    @property
    def weights(self) -> int:
        """Weights of the network's layer before pruning, those of channels that were folded away included."""
        return self.dense_geometry.weights

    @cached_property
    def nonzeros(self) -> int:
        """Weights that were not pruned."""
        return int(np.count_nonzero(self.levels))

    @property
    def alpha(self) -> float:
        """Fraction of the network's weights that were kept."""
        return self.nonzeros / self.weights
