"""What every operation of the integer graph can say and do."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.model.activation import Activation, Codes

__all__ = ["Call", "Mask", "Op", "RunsOn"]

Mask = NDArray[np.bool_]


class RunsOn(Enum):
    """Who runs an operation: ``ADDRESSES`` is nobody, since its readers just read from other places."""

    ARRAY = "array"
    HOST = "host"
    ADDRESSES = "addresses"


@dataclass(frozen=True)
class Call:
    """One operation of a captured floating-point network, without its weights.

    Members
    -------
    name : str
        Unique in the network.
    target : str
        Torch's name, such as ``aten.max_pool2d.default``.
    inputs : tuple of str
        The calls whose results it reads, in the order of its arguments; ``compressed_model.INPUT`` for the images.
    arguments : mapping
        All other arguments by the name that torch's schema gives them, defaults included: numbers, booleans, strings,
        None and tuples of them. Where a shape or an axis is meant, it is still torch's, with the batch as axis 0.
    shape, input_shapes : of one sample
    """

    name: str
    target: str
    inputs: tuple[str, ...]
    arguments: Mapping[str, Any]
    shape: tuple[int, ...]
    input_shapes: tuple[tuple[int, ...], ...]

    def refuse(self, cause: str, next_step: str) -> CodesignError:
        """The error that names this operation."""
        return CodesignError(f"{self.name!r} ({self.target}) {cause}", next_step)

    def axis(self, argument: str) -> int:
        """The axis of one sample of the first operand that an argument gives as torch's."""
        axis, rank = self.arguments[argument], len(self.input_shapes[0]) + 1
        if not isinstance(axis, int) or not -rank <= axis < rank or axis % rank == 0:
            raise self.refuse(f"works along the axis {axis} of {rank}, the batch being axis 0", "use another axis")
        return axis % rank - 1


class Op(ABC):
    """An operation on integer activations: a frozen dataclass with numbers, booleans and tuples of them as members.

    ``KIND`` names it in files. ``TARGETS`` are the torch operations that become it. With ``KEEPS_SCALE`` scale and zero
    point of the result are those of all operands, which then share them, so that calibration gives them one range.
    With ``SATURATES`` the result is a sum rounded to codes, whose limits may be those of a ReLU behind it.
    ``CHANNELWISE`` is whether ``is_channelwise`` holds whatever the members.
    """

    KIND: ClassVar[str]
    RUNS_ON: ClassVar[RunsOn]
    TARGETS: ClassVar[frozenset[str]] = frozenset()
    KEEPS_SCALE: ClassVar[bool] = False
    SATURATES: ClassVar[bool] = False
    CHANNELWISE: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def lower(cls, call: Call, inputs: tuple[Activation, ...], output: Activation) -> Self:
        """The integer operation for a call, given its operands' types and the one that calibration chose for it.

        CodesignError (``Call.refuse``) for arguments that it cannot keep exactly: nothing is parsed approximately.
        """

    @abstractmethod
    def output(self, inputs: tuple[Activation, ...]) -> Activation:
        """The type of the result; CodesignError if the operands do not fit."""

    @abstractmethod
    def run(self, *codes: Codes) -> Codes:
        """The golden answer (N, ...) to N samples."""

    def operations(self, inputs: tuple[Activation, ...]) -> int:
        """Elementary operations of one sample: one for each element of the operands, or of the result if it has more.

        None where addresses do it all.
        """
        if self.RUNS_ON is RunsOn.ADDRESSES:
            return 0
        return max(sum(math.prod(each.shape) for each in inputs), math.prod(self.output(inputs).shape))

    @property
    def is_channelwise(self) -> bool:
        """Whether a channel of the result depends on the same channel of each operand alone, or on its only one."""
        return self.CHANNELWISE

    def keep_channels(self, operands: tuple[Mask, ...], result: Mask) -> Self | None:
        """The operation on the channels (along axis 0) that are left, for constant folding; None if there is none.

        Asked of operations that are channelwise or run on ``ADDRESSES``. The masks, one bit a channel, fit each other:
        channels that a channel of the result depends on are left if it is, and leave if it does. Members with an entry
        for each channel, or with a number of channels, must follow.
        """
        return self
