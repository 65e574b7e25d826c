from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from compress.base.errors import CodesignError
from compress.networks.capture.capture import capture
from compress.networks.capture.captured import LAYER
from compress.networks.capture.constants import AFFINE
from compress.networks.capture.fx_trace import fx_trace


class Norm(nn.BatchNorm2d):
    """A layer of torch's under another name, whose ``forward`` asks for the rank of what it reads."""


class ReadsNumber(nn.Module):
    """Multiplies by a number in a buffer, which torch.export does not read."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 2, 3), Norm(2)
        self.register_buffer("steps", torch.tensor(3))

    def forward(self, images: Tensor, features: bool = False) -> Tensor:
        maps: Tensor = self.norm(self.conv(images))
        return maps if features else maps * int(self.get_buffer("steps").item())


def test_numbers_that_forward_reads_are_those_of_now() -> None:
    network = ReadsNumber().eval()
    with pytest.raises(Exception, match="specialized integer"):
        torch.export.export(network, (torch.rand(2, 1, 5, 5),), strict=False)
    captured = capture(network, (1, 5, 5))
    assert [call.target for call in captured.calls] == [LAYER, AFFINE]
    unscaled = float(1 / torch.tensor(1 + 1e-5, dtype=torch.float64).sqrt())
    assert captured.calls[1].arguments["factor"] == pytest.approx((3 * unscaled,) * 2)


def test_the_trace_computes_what_the_network_does() -> None:
    network = ReadsNumber().eval()
    images = torch.rand(2, 1, 5, 5)
    assert torch.equal(fx_trace(network)(images), network(images))


class ReadsActivation(ReadsNumber):
    def forward(self, images: Tensor, features: bool = False) -> Tensor:
        maps: Tensor = self.norm(self.conv(images))
        return maps * float(images.sum())


def test_a_number_of_the_images_is_refused() -> None:
    with pytest.raises(CodesignError, match="cannot be traced"):
        capture(ReadsActivation(), (1, 5, 5))
