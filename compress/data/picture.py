"""One image file as a tensor: whatever the file holds, red, green and blue in [0, 1], or an error with its name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from compress.base.errors import CodesignError

__all__ = ["read_picture"]

MARGIN = 256 / 224  # the shorter side before the crop over the side after it, as usual on ImageNet
LONGEST = 100  # times the shorter side: the whole image is scaled before the square is cropped
EIGHT_BITS = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"}
SIXTEEN_BITS = {"I;16", "I;16L", "I;16B", "I;16N"}

SCALED_TO_SIXTEEN_BITS = ("PNG", "PPM")
"""Formats whose 32-bit mode holds 0..65535: Pillow scales a portable graymap of any depth."""


def read_picture(path: Path, size: int) -> Tensor:
    """Read an image as float32 (3, size, size): its shorter side scaled to 256/224 of ``size``, its centre cropped.

    Grey becomes three equal channels, 16 bits keep their scale, and transparency is left out.

    Raises
    ------
    CodesignError
        The file cannot be read or decoded, its numbers have no known range, or it is too long for a square.
    """
    try:
        with Image.open(path) as image:
            image.load()
            _check_shape(path, image)
            picture = _in_known_range(path, image)
    except CodesignError:
        raise
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        cause = f"{type(error).__name__}: {error}"
        raise CodesignError(f"cannot read the image {path}: {cause}", "remove or replace it") from error
    pixels = np.atleast_3d(np.array(_square(picture, size), np.float32)).transpose(2, 0, 1) / 255
    return torch.from_numpy(pixels).expand(3, size, size).contiguous()


def _check_shape(path: Path, image: Image.Image) -> None:
    if max(image.size) > LONGEST * min(image.size):
        raise CodesignError(
            f"the image {path} has {image.size[0]} x {image.size[1]} pixels, too long for a square crop",
            "crop it, or remove it",
        )


def _in_known_range(path: Path, image: Image.Image) -> Image.Image:
    """Three channels of 8 bits, or one of floats in 0..255 where the file has 16 bits of grey."""
    if image.mode in SIXTEEN_BITS or (image.mode == "I" and image.format in SCALED_TO_SIXTEEN_BITS):
        return Image.fromarray(np.asarray(image, np.float32) * np.float32(255 / 65535))
    if image.mode not in EIGHT_BITS:
        raise CodesignError(
            f"the image {path} has pixels of mode {image.mode!r}, whose range is not known",
            "convert it to 8 or 16 bits per channel",
        )
    if "transparency" in image.info and image.mode == "P":
        image = image.convert("RGBA")  # a palette's transparency has no direct way to RGB
    return image.convert("RGB")


def _square(picture: Image.Image, size: int) -> Image.Image:
    scale = size * MARGIN / min(picture.size)
    width, height = (max(size, round(side * scale)) for side in picture.size)
    left, top = (width - size) // 2, (height - size) // 2
    scaled = picture.resize((width, height), Image.Resampling.BILINEAR)
    return scaled.crop((left, top, left + size, top + size))
