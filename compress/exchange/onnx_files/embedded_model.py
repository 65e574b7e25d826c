"""The compressed model inside an ONNX file of ours, for what its graph cannot say, and the check that both agree."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable

from onnx import ModelProto

from compress.base.errors import CodesignError
from compress.model.compressed_model import CompressedModel
from compress.model.model_file import model_content, model_of_content

__all__ = ["KEY", "embed", "embedded_model"]

KEY = "codesign.model"
LARGEST_HEADER = 1 << 20


def embed(model: CompressedModel, exported: ModelProto) -> ModelProto:
    """The same ONNX model with the compressed model among its ``metadata_props``."""
    text = base64.b64encode(zlib.compress(model_content(model), 9)).decode()
    exported.metadata_props.add(key=KEY, value=text)
    return exported


def embedded_model(
    loaded: ModelProto, export: Callable[[CompressedModel], ModelProto], name: str
) -> CompressedModel | None:
    """The model that a file was written from, or None where the file has none or was edited since.

    The model is exported again: the file is unchanged if its graph is the same in every byte.

    Raises
    ------
    CodesignError
        What is embedded is no model.
    """
    texts = [entry.value for entry in loaded.metadata_props if entry.key == KEY]
    if not texts:
        return None
    model = model_of_content(_inflated(texts[0], 4 * loaded.ByteSize() + LARGEST_HEADER, name), name)
    again, given = export(model), ModelProto()
    given.CopyFrom(loaded)
    del given.metadata_props[:]
    same = again.SerializeToString(deterministic=True) == given.SerializeToString(deterministic=True)
    return model if same else None


def _inflated(text: str, limit: int, name: str) -> bytes:
    """The bytes of a model's file: not many more than those of its graph, whose tensors are wider."""
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(base64.b64decode(text, validate=True), limit)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise CodesignError(f"the model inside {name} is damaged: {error}", "export it again") from error
    if not inflater.eof:
        raise CodesignError(f"the model inside {name} is truncated or too large", "export it again")
    return content
