"""The smallest network that computes the same: without filters that are constant, and channels that nothing reads."""

from __future__ import annotations

from compress.model.compressed_model import CompressedModel
from compress.model.folding.absorb import absorb_constants
from compress.model.folding.constants import constant_channels
from compress.model.folding.dead_channels import drop_dead_channels
from compress.model.folding.ties import ties

__all__ = ["fold_constants"]


def fold_constants(model: CompressedModel) -> CompressedModel:
    """The same answer, bit by bit, to every input, from fewer channels; the same model if none can leave.

    A filter without weights gives one code everywhere. Layers behind it take the code times the sum of their levels
    into their biases, where it is also what their padding holds, or where they pad nothing; then nothing reads
    the channel, and it leaves with its filter. So do all channels that nothing reads. Each may make others constant or
    unread, so that this repeats until nothing changes. A filter whose constant differs from a reader's padding
    stays, and at least one filter in every layer.

    ``CompressedLayer.weights`` still counts the weights of the network before pruning.
    """
    while True:
        tied = ties(model)
        absorbed = absorb_constants(model, constant_channels(model, tied))
        folded = drop_dead_channels(absorbed, tied)
        if folded is model:
            return model
        model = folded
