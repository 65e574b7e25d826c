"""All index formats: a new one is a file beside this one, a line in ``FORMATS``, and a packer in ``sim``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compress.base.errors import CodesignError
from rtl.formats.bitmap import Bitmap
from rtl.formats.decoder import Decoder
from rtl.formats.decompress import Decompress
from rtl.formats.dense import Dense
from rtl.formats.dense_zeros import DenseZeros
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat
from rtl.formats.nm import NM
from rtl.formats.rice import Rice

if TYPE_CHECKING:
    from rtl.config import ArrayConfig

__all__ = ["FORMATS", "format_examples", "make_decoder", "parse_index"]

FORMATS: tuple[type[IndexFormat], ...] = (
    Dense,
    Fixed,
    Bitmap,
    Rice,
    NM,
    Decompress,
    DenseZeros,
)


def parse_index(text: str) -> IndexFormat:
    """The format that ``str`` prints as ``text``."""
    for kind in FORMATS:
        found = re.fullmatch(kind.pattern.replace("{}", r"(\d{1,3})"), text, re.ASCII)
        if found:
            return kind(*map(int, found.groups()))
    raise CodesignError(
        f"unknown index format {text!r}", f"use one of {format_examples()}, whose numbers may be changed"
    )


def format_examples() -> str:
    """One of each format, for help and messages."""
    return ", ".join(kind.example for kind in FORMATS)


def make_decoder(config: ArrayConfig) -> Decoder:
    """The decoder of the configuration's index format."""
    return config.index.decoder(config)
