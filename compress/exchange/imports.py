"""Models from the files of other programs."""

from __future__ import annotations

from pathlib import Path

from compress.exchange.onnx_files.package import need_onnx
from compress.model.compressed_model import CompressedModel

__all__ = ["import_model"]


def import_model(path: Path) -> CompressedModel:
    """The integer model of an ONNX or QONNX file: the very model where ``export_model`` wrote it, else its translation.

    Raises
    ------
    CodesignError
        A damaged file, an operation that cannot be kept, by name, numbers without a quantizer, or no package ``onnx``.
    """
    need_onnx()
    from compress.exchange.onnx_files.importer import load_onnx

    return load_onnx(path)
