"""Logos that people upload: checked, then drawn anew, so that nothing is stored but pixels of a sane size."""

import io
import warnings

from PIL import Image, ImageOps

from lti_cert.core.errors import InputRejected

MOST_BYTES = 1_000_000
MOST_PIXELS = 16_000_000
LEAST_SIDE = 32
WIDEST = 8
PRINTED = (1600, 400)
"""Pixels kept at most: 600 dpi at the 17 mm that the certificate gives a logo."""

ADVICE = (
    f"A logo may have {MOST_BYTES / 1e6:.0f} MB. Make the picture smaller ({PRINTED[0]} pixels wide is plenty) and "
    "choose it again. Nothing was saved."
)

_TOO_MANY = f"The logo has too many pixels: at most {MOST_PIXELS // 1_000_000} million can be used."


def checked_logo(data: bytes) -> bytes:
    """The upload as a PNG without metadata, no larger than print needs.

    :raises InputRejected: it is too large, too small, damaged, or no picture.
    """
    if len(data) > MOST_BYTES:
        raise InputRejected(f"The logo has {len(data) / 1e6:.1f} MB; at most {MOST_BYTES / 1e6:.0f} MB can be used.")
    image = _opened(data)
    _check_shape(*image.size)
    try:
        image.load()
        upright = ImageOps.exif_transpose(image)
        plain = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow's decoders raise for damaged files
        raise InputRejected("The logo's file is damaged or incomplete. Export it again as PNG or JPEG.") from error
    plain.thumbnail(PRINTED, Image.Resampling.LANCZOS)
    fresh = Image.new(plain.mode, plain.size)
    fresh.paste(plain)
    target = io.BytesIO()
    fresh.save(target, "PNG", optimize=True)
    return target.getvalue()


def _opened(data: bytes) -> Image.Image:
    """Only the header is read here, so that a small file that claims a huge picture costs nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # _check_shape is stricter
            return Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
    except Image.DecompressionBombError as error:
        raise InputRejected(_TOO_MANY) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise InputRejected("The logo is not a PNG or JPEG picture that can be read.") from error


def _check_shape(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise InputRejected(_TOO_MANY)
    if min(width, height) < LEAST_SIDE:
        raise InputRejected(f"The logo has {width} × {height} pixels; at least {LEAST_SIDE} each way print well.")
    if width > WIDEST * height or height > WIDEST * width:
        raise InputRejected(f"The logo is {width} × {height}; one side may be at most {WIDEST} times the other.")
