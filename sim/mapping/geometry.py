"""A layer's sizes as an array runs it: with the pooling that the array does."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from compress.model.geometry import ConvGeometry
from compress.model.layer import CompressedLayer
from sim.mapping.pooling import NO_WINDOW, Window, array_window, window_on

__all__ = ["ArrayGeometry"]


@dataclass(frozen=True)
class ArrayGeometry(ConvGeometry):
    """A convolution and what the array pools of its results.

    Members
    -------
    window : (rows, columns)
        Of neighbouring pooling windows; what does not fill one at the end is left out.
    """

    window: Window = NO_WINDOW

    @classmethod
    def of(cls, layer: CompressedLayer) -> ArrayGeometry:
        """The sizes of an integer layer, with the window that an array may pool."""
        return cls.pooling(layer.geometry, array_window(layer.pool))

    @classmethod
    def before_folding(cls, layer: CompressedLayer) -> ArrayGeometry:
        """The sizes of the network's layer, with the channels that were folded away."""
        return cls.pooling(layer.dense_geometry, array_window(layer.pool))

    @classmethod
    def pooling(cls, sizes: ConvGeometry, window: Window) -> ArrayGeometry:
        """These sizes with that window."""
        members = {field.name: getattr(sizes, field.name) for field in fields(ConvGeometry)}
        return cls(**members, window=window)

    def on(self, lanes: int, requant_lanes: int) -> ArrayGeometry:
        """Without the window where an array of that shape leaves it to the host."""
        return replace(self, window=window_on(self.window, lanes, requant_lanes))

    @property
    def pooled(self) -> bool:
        """Whether the array pools."""
        return self.window != NO_WINDOW

    @property
    def windows(self) -> tuple[int, int]:
        """Rows and columns of windows: the size of the array's results."""
        (height, width), (rows, columns) = self.output_size, self.window
        return height // rows, width // columns
