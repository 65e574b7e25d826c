"""Safetensors files with one sequence of bytes for one content."""

from __future__ import annotations

import json
import struct
from typing import Any

__all__ = ["split_file", "with_sorted_header"]


def with_sorted_header(content: bytes) -> bytes:
    """The same safetensors file with a sorted header: the library orders metadata differently in each process."""
    header, data = split_file(content)
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def split_file(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and data of a safetensors file; ValueError or RecursionError if it is none."""
    if len(content) < 8:
        raise ValueError("too short")
    (size,) = struct.unpack("<Q", content[:8])
    if size > len(content) - 8:
        raise ValueError("header exceeds the file")
    header = json.loads(content[8 : 8 + size])
    if not isinstance(header, dict):
        raise ValueError("header is not a table")
    return header, content[8 + size :]
