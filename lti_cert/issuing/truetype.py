"""The least TrueType font that a PDF can embed: outlines and widths by glyph id, no names and no character map.

ISO 32000-1, table 126, lists the tables: https://learn.microsoft.com/typography/opentype/spec/otff describes them.
"""

import io
from collections.abc import Callable, Sequence
from itertools import accumulate
from struct import pack
from typing import Any, NamedTuple

from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.sfnt import SFNTWriter

_VERSION = 0x00010000
_MAGIC = 0x5F0F3CF5


class Outline(NamedTuple):
    """A glyph as the `glyf` table has it, and what the other tables say about it."""

    data: bytes
    bounds: tuple[int, int, int, int] = (0, 0, 0, 0)
    points: int = 0
    contours: int = 0


def outline(draw: Callable[[Any], None]) -> Outline:
    """What `draw` draws with the pen it is given (fontTools' pen protocol); cubic curves become quadratic ones."""
    pen = TTGlyphPen(None)
    draw(Cu2QuPen(pen, max_err=1))
    glyph = pen.glyph()
    if not glyph.numberOfContours:
        return Outline(b"")
    data = glyph.compile(None)
    bounds = (glyph.xMin, glyph.yMin, glyph.xMax, glyph.yMax)
    return Outline(data + bytes(-len(data) % 4), bounds, len(glyph.coordinates), glyph.numberOfContours)


def font(
    outlines: Sequence[Outline], advances: Sequence[int], *, units_per_em: int, ascent: int, descent: int
) -> bytes:
    """The font file; glyph 0 is the one for characters that are missing."""
    lefts, bottoms, rights, tops = zip(*(outline.bounds for outline in outlines), strict=True)
    box = (min(lefts), min(bottoms), max(rights), max(tops))
    count = len(outlines)
    offsets = [0, *accumulate(len(outline.data) for outline in outlines)]
    points, contours = max(outline.points for outline in outlines), max(outline.contours for outline in outlines)
    tables = {
        "glyf": b"".join(outline.data for outline in outlines) or bytes(4),
        "head": pack(">IIIIHHqq4h3H2h", _VERSION, 0, 0, _MAGIC, 3, units_per_em, 0, 0, *box, 0, 8, 2, 1, 0),
        "hhea": pack(
            ">I3hH3h3h4hhH", _VERSION, ascent, descent, 0, max(advances), *box[:1], 0, box[2], 1, *[0] * 7, count
        ),
        "hmtx": b"".join(pack(">Hh", advance, left) for advance, left in zip(advances, lefts, strict=True)),
        "loca": pack(f">{count + 1}I", *offsets),
        "maxp": pack(">I14H", _VERSION, count, points, contours, 0, 0, 1, *[0] * 8),
    }
    target = io.BytesIO()
    writer = SFNTWriter(target, len(tables))
    for tag, data in tables.items():
        writer[tag] = data
    writer.close()
    return target.getvalue()
