"""Pooling as part of a layer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from compress.base.errors import CodesignError
from compress.model.geometry import kernel_places

__all__ = ["Pool", "PoolKind"]


class PoolKind(Enum):
    """``AVERAGE`` rounds half up: floor((2 * sum + count) / (2 * count))."""

    MAX = "max"
    AVERAGE = "average"


@dataclass(frozen=True)
class Pool:
    """Pooling after the activation, without padding: by the array where it can, else by the host."""

    kind: PoolKind
    kernel: tuple[int, int]
    stride: tuple[int, int]

    def __post_init__(self) -> None:
        if min(*self.kernel, *self.stride) < 1:
            raise CodesignError(
                f"pool kernel {self.kernel} and stride {self.stride} must be positive",
                "give a kernel and a stride of at least 1x1",
            )

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns left of a (height, width) map."""
        return (
            kernel_places(height, self.kernel[0], self.stride[0]),
            kernel_places(width, self.kernel[1], self.stride[1]),
        )
