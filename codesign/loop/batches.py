"""How many samples a layer runs at a time."""

from __future__ import annotations

from compress.model.layer import LayerKind

__all__ = ["samples_at_a_time"]


def samples_at_a_time(kind: LayerKind, linear_batch: int) -> int:
    """``linear_batch`` samples of a Linear layer, one a lane; a convolution fills the lanes with pixels of one."""
    return linear_batch if kind is LayerKind.LINEAR else 1
