"""The normalization of pixels as the network's first operation."""

from __future__ import annotations

from dataclasses import replace

from compress.data.normalization import Normalization
from compress.model.compressed_model import INPUT
from compress.model.ops.op import Call
from compress.model.ops.registry import op_of_target
from compress.model.ops.reshape import Reshape
from compress.networks.capture.captured import CapturedNetwork
from compress.networks.capture.constants import AFFINE
from compress.networks.capture.names import free_name

__all__ = ["first_layer", "normalized"]


def first_layer(captured: CapturedNetwork) -> str | None:
    """The layer that alone reads the images, or reads them as a vector; None where there is no such layer."""
    readers = captured.readers(INPUT)
    while len(readers) == 1 and readers[0].name not in captured.layers:
        (call,) = readers
        op = op_of_target(call.target)
        if op is None or op.KIND != Reshape.KIND or len(call.shape) != 1:
            return None
        readers = captured.readers(call.name)
    return readers[0].name if len(readers) == 1 else None


def normalized(captured: CapturedNetwork, normalization: Normalization) -> CapturedNetwork:
    """The same network for pixels, which it normalizes channel by channel before anything reads them."""
    shape = captured.input_shape
    name = free_name("normalization", {call.name for call in captured.calls})
    pairs = list(zip(normalization.mean, normalization.std, strict=True))
    arguments = {"factor": tuple(1 / std for _, std in pairs), "offset": tuple(-mean / std for mean, std in pairs)}
    first = Call(name, AFFINE, (INPUT,), arguments, shape, (shape,))
    calls = (
        replace(call, inputs=tuple(name if source == INPUT else source for source in call.inputs))
        for call in captured.calls
    )
    return replace(captured, calls=(first, *calls))
