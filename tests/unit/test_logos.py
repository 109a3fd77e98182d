"""An uploaded logo is checked, and drawn anew."""

import io
import random
import struct
import zlib
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lti_cert.core.errors import InputRejected
from lti_cert.issuing.logos import checked_logo


def file(kind: str = "PNG", size: tuple[int, int] = (300, 100), mode: str = "RGB", **options: Any) -> bytes:
    target = io.BytesIO()
    Image.new(mode, size).save(target, kind, **options)
    return target.getvalue()


def noise(kind: str) -> bytes:
    target = io.BytesIO()
    Image.frombytes("RGB", (200, 200), random.Random(1).randbytes(120_000)).save(target, kind)
    return target.getvalue()


def claimed_png(width: int, height: int) -> bytes:
    """A tiny file whose header promises a huge picture."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + struct.pack(">I", 9) + b"IDAT"
    return b"\x89PNG\r\n\x1a\n" + chunks


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGB"), ("PNG", "P"), ("PNG", "L"), ("JPEG", "RGB"), ("JPEG", "CMYK")]
)
def test_png_and_jpeg_become_a_plain_png(kind: str, mode: str) -> None:
    image = opened(checked_logo(file(kind, mode=mode)))
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (300, 100))


def test_transparency_is_kept() -> None:
    assert opened(checked_logo(file(mode="RGBA"))).mode == "RGBA"


def test_a_large_logo_is_made_as_small_as_print_needs() -> None:
    assert opened(checked_logo(file(size=(1500, 1000)))).size == (600, 400)


def test_nothing_but_pixels_survives() -> None:
    words = PngInfo()
    words.add_text("Comment", "taken at home")
    assert b"taken at home" not in checked_logo(file(pnginfo=words))
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    assert b"taken at home" not in checked_logo(file("JPEG", exif=exif))


def test_a_photograph_taken_sideways_is_set_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert opened(checked_logo(file("JPEG", exif=exif))).size == (100, 300)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a PNG or JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a PNG or JPEG"),
        (file("GIF"), "not a PNG or JPEG"),
        (noise("PNG")[:-9_000], "damaged"),
        (noise("JPEG")[:-9_000], "damaged"),
        (b"x" * 1_000_001, "1.0 MB"),
        (claimed_png(9_000, 11_000), "at most 16 million"),
        (claimed_png(20_000, 20_000), "at most 16 million"),
        (claimed_png(2**31 - 1, 2**31 - 1), r"not a PNG or JPEG|at most 16 million"),
        (file(size=(20, 20)), "at least 32"),
        (file(size=(900, 100)), "at most 8 times"),
    ],
    ids=["empty", "svg", "gif", "cut png", "cut jpeg", "heavy", "warned of", "bomb", "impossible", "tiny", "stripe"],
)
def test_what_is_no_logo_is_refused_in_plain_words(data: bytes, says: str) -> None:
    with pytest.raises(InputRejected, match=says):
        checked_logo(data)
