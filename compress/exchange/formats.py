"""The formats that ``codesign export`` writes, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from compress.base.errors import CodesignError
from compress.exchange.npz import save_npz
from compress.exchange.onnx_files.package import need_onnx
from compress.exchange.state_dict import save_state_dict
from compress.model.compressed_model import CompressedModel

__all__ = ["EXPORT_FORMATS", "ExportFormat", "export_model"]


@dataclass(frozen=True)
class ExportFormat:
    """One way to write a model for other programs.

    Members
    -------
    name : str
        The value of ``--format``.
    summary : str
        One line for people.
    suffixes : tuple of str
        What its files end in; one of them names the first format that has it, where ``--format`` is left out.
    save : callable
        Writes a model to a path, whole or not at all; CodesignError for a model that the format cannot hold.
    """

    name: str
    summary: str
    suffixes: tuple[str, ...]
    save: Callable[[CompressedModel, Path], None]


def _save_onnx(model: CompressedModel, path: Path) -> None:
    need_onnx()
    from compress.exchange.onnx_files.integer_file import save_onnx

    save_onnx(model, path)


def _save_qonnx(model: CompressedModel, path: Path) -> None:
    need_onnx()
    from compress.exchange.onnx_files.qonnx_file import save_qonnx

    save_qonnx(model, path)


_ALL = (
    ExportFormat(
        "state-dict",
        "weights and biases as floats, for the PyTorch network with its batch norms folded",
        (".safetensors", ".pt", ".pth"),
        save_state_dict,
    ),
    ExportFormat("npz", "levels, intervals, masks, biases and scales as numpy arrays", (".npz",), save_npz),
    ExportFormat("onnx", "the whole network in exact integer arithmetic, for onnxruntime", (".onnx",), _save_onnx),
    ExportFormat("qonnx", "the network in real numbers with quantizers, for QONNX's tools", (".onnx",), _save_qonnx),
)

EXPORT_FORMATS: dict[str, ExportFormat] = {entry.name: entry for entry in _ALL}
"""What a model can be written as: ``codesign export --format``."""


def export_model(model: CompressedModel, path: Path, name: str | None = None) -> ExportFormat:
    """Write a model in the format ``name``, by default the one that ``path`` ends like; returns the format.

    Raises
    ------
    CodesignError
        Unknown format, a suffix of another one, a model that the format cannot hold, or a file that cannot be written.
    """
    chosen = _chosen(path, name)
    if path.is_dir():
        raise CodesignError(f"{path} is a folder, not a file", f"name a file, for example model{chosen.suffixes[0]}")
    chosen.save(model, path)
    return chosen


def _chosen(path: Path, name: str | None) -> ExportFormat:
    suffixes = ", ".join(dict.fromkeys(suffix for entry in _ALL for suffix in entry.suffixes))
    if name is None:
        matching = [entry for entry in _ALL if path.suffix in entry.suffixes]
        if not matching:
            raise CodesignError(f"the format of {path} is not clear from its name", f"end it in one of: {suffixes}")
        return matching[0]
    if name not in EXPORT_FORMATS:
        raise CodesignError(f"there is no format {name!r}", f"use one of: {', '.join(EXPORT_FORMATS)}")
    chosen = EXPORT_FORMATS[name]
    if path.suffix not in chosen.suffixes:
        raise CodesignError(
            f"{path} does not end like a file of format {name!r}", f"end it in one of: {', '.join(chosen.suffixes)}"
        )
    return chosen
