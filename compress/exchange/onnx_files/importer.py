"""A compressed model from an ONNX or QONNX file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import ModelProto

from compress.base.errors import CodesignError
from compress.exchange.onnx_files.embedded_model import KEY, embedded_model
from compress.exchange.onnx_files.graph_reader import read_model_of
from compress.exchange.onnx_files.integer_file import integer_graph
from compress.exchange.onnx_files.qonnx_file import qonnx_graph
from compress.exchange.onnx_files.reader import QONNX_DOMAINS, read_graph
from compress.model.compressed_model import CompressedModel

__all__ = ["load_onnx"]


def load_onnx(path: Path) -> CompressedModel:
    """The integer model of a file.

    A file of ``save_onnx`` or ``save_qonnx`` gives the model that it was written from, every number of it. Another
    QONNX file, or one of ours that was edited, is translated: weights are kept, biases and requantizations rounded.

    Raises
    ------
    CodesignError
        A damaged file, an operation that cannot be kept, by name, or numbers without a quantizer.
    """
    loaded = read_graph(path)
    try:
        with np.errstate(all="ignore"):
            return _model(loaded, path)
    except CodesignError as error:
        cause = error.cause if str(path) in error.cause else f"{path}: {error.cause}"
        raise CodesignError(cause, error.next_step) from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        told = f"{path} has attributes or constants that do not fit their operators: {error}"
        raise CodesignError(told, "export it again") from error


def _model(loaded: ModelProto, path: Path) -> CompressedModel:
    is_qonnx = any(node.domain in QONNX_DOMAINS for node in loaded.graph.node)
    model = embedded_model(loaded, qonnx_graph if is_qonnx else integer_graph, str(path))
    if model is not None:
        return model
    if not is_qonnx and any(entry.key == KEY for entry in loaded.metadata_props):
        raise CodesignError(f"{path} was edited since it was exported", "edit a QONNX file (--format qonnx) instead")
    return read_model_of(loaded.graph, {"imported": path.name})
