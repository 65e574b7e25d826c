"""The packer of each index format."""

from __future__ import annotations

from typing import Any

from rtl.indexformats import NM, Bitmap, Decompress, Dense, Fixed, IndexFormat, Rice
from sim.packers.bitmap import BitmapPacker
from sim.packers.decompress import DecompressPacker
from sim.packers.dense import DensePacker
from sim.packers.fixed import FixedPacker
from sim.packers.nm import NMPacker
from sim.packers.packer import Packer
from sim.packers.rice import RicePacker

__all__ = ["PACKERS", "make_packer"]

PACKERS: dict[type[IndexFormat], type[Packer[Any]]] = {
    Dense: DensePacker,
    Fixed: FixedPacker,
    Bitmap: BitmapPacker,
    Rice: RicePacker,
    NM: NMPacker,
    Decompress: DecompressPacker,
}


def make_packer(index: IndexFormat, weight_bits: int) -> Packer[Any]:
    """The packer of an index format for codes of ``weight_bits`` bits."""
    return PACKERS[type(index)](index, weight_bits)
