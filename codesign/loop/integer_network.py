"""An integer model as a torch network: it reads pixels, and its answers are real numbers again."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from compress.model.compressed_model import CompressedModel
from sim.golden.golden import quantize_input, run_model

__all__ = ["IntegerNetwork"]


class IntegerNetwork(nn.Module):
    """What the array computes, for metrics and losses that are functions of a network or its outputs.

    Images are pixels (N, C, H, W) in [0, 1]; outputs are codes times their scale. Nothing can be trained.
    """

    def __init__(self, model: CompressedModel) -> None:
        super().__init__()
        self._model = model

    def forward(self, pixels: Tensor) -> Tensor:
        """The answers as float32 (N, ...)."""
        answer = self._model.output
        codes = run_model(self._model, quantize_input(self._model, pixels.numpy()))
        real = (torch.from_numpy(codes).to(torch.float32) - answer.zero_point) * answer.scale
        return real.reshape(len(pixels), *answer.shape)
