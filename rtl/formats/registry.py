"""The decoder of each index format."""

from __future__ import annotations

from rtl.config import ArrayConfig
from rtl.formats.bitmap import BitmapDecoder
from rtl.formats.decoder import Decoder
from rtl.formats.decompress import DecompressDecoder
from rtl.formats.dense import DenseDecoder
from rtl.formats.fixed import FixedDecoder
from rtl.formats.index_formats import NM, Bitmap, Decompress, Dense, Fixed, IndexFormat, Rice
from rtl.formats.nm import NMDecoder
from rtl.formats.rice import RiceDecoder

__all__ = ["DECODERS", "make_decoder"]

DECODERS: dict[type[IndexFormat], type[Decoder]] = {
    Dense: DenseDecoder,
    Fixed: FixedDecoder,
    Bitmap: BitmapDecoder,
    Rice: RiceDecoder,
    NM: NMDecoder,
    Decompress: DecompressDecoder,
}


def make_decoder(config: ArrayConfig) -> Decoder:
    """The decoder of the configuration's index format."""
    return DECODERS[type(config.index)](config)
