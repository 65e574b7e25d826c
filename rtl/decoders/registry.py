"""The decoder of each index format."""

from __future__ import annotations

from rtl.config import ArrayConfig
from rtl.decoders.bitmap import BitmapDecoder
from rtl.decoders.decoder import Decoder
from rtl.decoders.decompress import DecompressDecoder
from rtl.decoders.dense import DenseDecoder
from rtl.decoders.fixed import FixedDecoder
from rtl.decoders.nm import NMDecoder
from rtl.decoders.rice import RiceDecoder
from rtl.indexformats import NM, Bitmap, Decompress, Dense, Fixed, IndexFormat, Rice

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
