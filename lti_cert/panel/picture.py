"""A PDF's first page as a picture: phones do not show a PDF inside a page, and what is not saved has no address to be
shown from.
"""

import io
import threading

import pypdfium2

WIDTH = 1400
"""Pixels: sharp at the size of the preview, on dense screens too."""

_ONE_AT_A_TIME = threading.Lock()  # PDFium is not safe to call from two threads


def of_first_page(pdf: bytes) -> bytes:
    """As PNG."""
    target = io.BytesIO()
    with _ONE_AT_A_TIME, pypdfium2.PdfDocument(pdf) as document:
        page = document[0]
        page.render(scale=WIDTH / page.get_width()).to_pil().save(target, "PNG")
    return target.getvalue()
