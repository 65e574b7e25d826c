"""Arrays to start from without a model, with the hardware multipliers of an FPGA: parameters and purpose."""

from __future__ import annotations

from dataclasses import dataclass

from compress.base.errors import CodesignError
from rtl.config import ArrayConfig
from rtl.formats.fixed import Fixed

__all__ = ["PRESETS", "Preset", "preset"]


@dataclass(frozen=True)
class Preset:
    """An array and its purpose in one line."""

    purpose: str
    config: ArrayConfig


PRESETS = {
    "tiny": Preset(
        "1 x 4 PEs, 4-bit weights, 0.02 Mbit of memory: the smallest FPGAs, a first bring-up",
        ArrayConfig(
            rows=1,
            lanes=4,
            weight_bits=4,
            acc_bits=20,
            index=Fixed(3),
            multipliers="dsp",
            aligner_stages=2,
            stream_bits=32,
        ),
    ),
    "edge": Preset(
        "4 x 8 PEs, 8-bit weights, 0.39 Mbit of memory: small convolutional networks",
        ArrayConfig(
            rows=4,
            lanes=8,
            index=Fixed(4),
            weight_depth=4096,
            activation_depth=512,
            table_depth=1024,
            bias_depth=512,
            multipliers="dsp",
            aligner_stages=2,
            stream_bits=32,
        ),
    ),
    "wide": Preset(
        "8 x 32 PEs, four results a cycle, 6.32 Mbit of memory: large layers",
        ArrayConfig(
            rows=8,
            lanes=32,
            acc_bits=28,
            index=Fixed(6),
            requant_lanes=4,
            multipliers="dsp",
            aligner_stages=2,
            weight_depth=16384,
            activation_depth=2048,
            table_depth=2048,
            bias_depth=1024,
            stream_bits=128,
        ),
    ),
}
"""Arrays by name, for `codesign generate --preset` and as starting points."""


def preset(name: str) -> ArrayConfig:
    """The array of that name."""
    if name not in PRESETS:
        raise CodesignError(f"unknown preset {name!r}", f"use one of: {', '.join(PRESETS)}")
    return PRESETS[name].config
