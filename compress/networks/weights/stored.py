"""What a file of weights holds of one tensor: its shape and type first, its values when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

__all__ = ["StoredTensor", "stored"]


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """One tensor of a file.

    Members
    -------
    shape : tuple of int
    kind : str
        Type of its numbers as torch names it: "float32", "int64".
    read : callable
        Its values. No more memory is taken before than the file itself has.
    """

    shape: tuple[int, ...]
    kind: str
    read: Callable[[], Tensor]


def stored(tensor: Tensor) -> StoredTensor:
    """A tensor that is read already, or mapped into memory."""
    return StoredTensor(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), lambda: tensor)
