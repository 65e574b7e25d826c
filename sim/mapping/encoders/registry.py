"""The packer of each index format."""

from __future__ import annotations

from typing import Any

from rtl.formats.bitmap import Bitmap
from rtl.formats.decompress import Decompress
from rtl.formats.dense import Dense
from rtl.formats.dense_zeros import DenseZeros
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat
from rtl.formats.nm import NM
from rtl.formats.rice import Rice
from sim.mapping.encoders.bitmap import BitmapPacker
from sim.mapping.encoders.decompress import DecompressPacker
from sim.mapping.encoders.dense import DensePacker
from sim.mapping.encoders.dense_zeros import DenseZerosPacker
from sim.mapping.encoders.fixed import FixedPacker
from sim.mapping.encoders.nm import NMPacker
from sim.mapping.encoders.packer import Packer
from sim.mapping.encoders.rice import RicePacker
from sim.mapping.level_codes import level_codes

__all__ = ["PACKERS", "make_packer"]

PACKERS: dict[type[IndexFormat], type[Packer[Any]]] = {
    Dense: DensePacker,
    Fixed: FixedPacker,
    Bitmap: BitmapPacker,
    Rice: RicePacker,
    NM: NMPacker,
    Decompress: DecompressPacker,
    DenseZeros: DenseZerosPacker,
}


def make_packer(index: IndexFormat, weight_bits: int, levels: str = "linear") -> Packer[Any]:
    """The packer of an index format for codes of ``weight_bits`` bits, of the ``levels`` of an ``ArrayConfig``."""
    return PACKERS[type(index)](index, level_codes(levels, weight_bits))
