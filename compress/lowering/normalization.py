"""The normalization of pixels as the network's first operation."""

from __future__ import annotations

from dataclasses import replace

from compress.data.normalization import Normalization
from compress.model.compressed_model import INPUT
from compress.model.ops.op import Call
from compress.networks.capture.captured import CapturedNetwork
from compress.networks.capture.constants import AFFINE
from compress.networks.capture.names import free_name

__all__ = ["normalized"]


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
