from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image

from compress.base.errors import CodesignError
from compress.data.picture import read_picture

RAMP = np.linspace(0, 1, 32 * 32).reshape(32, 32)
GREY = (RAMP * 255).astype(np.uint8)


def _saved(picture: Image.Image, path: Path) -> Path:
    picture.save(path)
    return path


@pytest.fixture
def eight_bits(tmp_path: Path) -> torch.Tensor:
    return read_picture(_saved(Image.fromarray(GREY), tmp_path / "grey.png"), 16)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("kind", ["<u2", ">u2"])
def test_sixteen_bits_look_as_eight_do(tmp_path: Path, eight_bits: torch.Tensor, suffix: str, kind: str) -> None:
    path = _saved(Image.fromarray((RAMP * 65535).astype(kind)), tmp_path / f"deep{suffix}")
    found = read_picture(path, 16)
    assert found.shape == (3, 16, 16)
    torch.testing.assert_close(found, eight_bits, rtol=0, atol=1.5 / 255)


@pytest.mark.parametrize("largest", [4095, 65535])
def test_a_graymap_has_the_scale_of_its_largest_value(tmp_path: Path, eight_bits: torch.Tensor, largest: int) -> None:
    path = tmp_path / "deep.pgm"
    path.write_bytes(b"P5 32 32 %d\n" % largest + np.rint(RAMP * largest).astype(">u2").tobytes())
    torch.testing.assert_close(read_picture(path, 16), eight_bits, rtol=0, atol=1.5 / 255)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "CMYK", "YCbCr"])
def test_every_mode_of_eight_bits_has_the_same_scale(tmp_path: Path, eight_bits: torch.Tensor, mode: str) -> None:
    suffix = ".tif" if mode in ("CMYK", "YCbCr") else ".png"
    path = _saved(Image.fromarray(GREY).convert(mode), tmp_path / f"picture{suffix}")
    torch.testing.assert_close(read_picture(path, 16), eight_bits, rtol=0, atol=2 / 255)


def test_one_bit_is_black_or_white(tmp_path: Path) -> None:
    picture = Image.new("1", (16, 16), 1)
    picture.paste(0, (0, 0, 8, 16))
    found = read_picture(_saved(picture, tmp_path / "bits.png"), 14)
    assert (float(found.min()), float(found.max())) == (0, 1)


def test_a_palette_with_transparency_is_read_without_a_warning(tmp_path: Path) -> None:
    picture = Image.new("P", (16, 16), 1)
    picture.putpalette([0, 0, 0, 255, 0, 0])
    picture.save(tmp_path / "palette.png", transparency=bytes([0, 128]))
    assert read_picture(tmp_path / "palette.png", 8).mean(dim=(1, 2)).tolist() == [1, 0, 0]


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_numbers_of_no_known_range_are_refused_by_name(tmp_path: Path, kind: type) -> None:
    path = _saved(Image.fromarray((RAMP * 1000).astype(kind)), tmp_path / "heights.tif")
    with pytest.raises(CodesignError, match=r"heights\.tif has pixels of mode '[FI]'") as error:
        read_picture(path, 16)
    assert "8 or 16 bits" in error.value.next_step


def test_a_strip_is_refused_before_it_is_scaled(tmp_path: Path) -> None:
    with pytest.raises(CodesignError, match=r"strip\.png has 1 x 4000 pixels"):
        read_picture(_saved(Image.new("L", (1, 4000)), tmp_path / "strip.png"), 224)


def _png(width: int, height: int) -> bytes:
    """The head of a PNG of that size, without its pixels."""
    head = b"IHDR" + struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no image",
        b"GIF89a",
        _png(60000, 60000),
        _png(8, 8),
        _png(0, 0),
        b"BM" + bytes(60),
        b"RIFF\0\0\0\0WEBPVP8 ",
    ],
    ids=["empty", "text", "GIF head", "bomb", "no pixels", "no size", "BMP", "WebP head"],
)
def test_a_file_that_is_no_image_is_told_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.png").write_bytes(content)
    with pytest.raises(CodesignError, match=r"cannot read the image .*broken\.png: "):
        read_picture(tmp_path / "broken.png", 8)


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to(path)], ids=["folder", "loop of links"])
def test_what_is_no_file_is_told_by_name(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "odd.png")
    with pytest.raises(CodesignError, match=r"cannot read the image .*odd\.png: "):
        read_picture(tmp_path / "odd.png", 8)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".bmp"])
@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of the damage it has found
def test_changed_bytes_are_told_by_name_or_give_an_image(tmp_path: Path, suffix: str) -> None:
    path = _saved(Image.fromarray(GREY), tmp_path / f"picture{suffix}")
    content, random = path.read_bytes(), Random(0)
    for _ in range(150):
        changed = bytearray(content[: random.choice([len(content), random.randrange(len(content))])])
        for _ in range(random.randint(1, 4)):
            if changed:
                changed[random.randrange(len(changed))] = random.randrange(256)
        path.write_bytes(changed)
        try:
            found = read_picture(path, 8)
        except CodesignError as error:
            told = str(error)
        else:
            told = path.name
            assert found.shape == (3, 8, 8)
        assert path.name in told
