"""The QR code and the seal: glyphs of the font that a document carries anyway.

So they are sharp at any size and take size and colour from the style sheet, as letters do.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from math import cos, pi, sin
from typing import Any

import segno

from lti_cert.issuing.fonts import UNITS_PER_EM
from lti_cert.issuing.truetype import Outline, outline

Point = tuple[float, float]

_BOTTOM = -UNITS_PER_EM // 5  # so that a picture fills a line that is as high as its font


@dataclass(frozen=True)
class Picture:
    """As wide and as high as its font size."""

    outline: Outline
    text: str = "\ufffc"  # OBJECT REPLACEMENT CHARACTER: to a reader it is no text
    advance: int = UNITS_PER_EM


def qr_code(content: str) -> Picture:
    """Without a quiet zone: the page leaves room around it. Level M stands 15 % of damage (ISO/IEC 18004)."""
    rows = segno.make(content, error="m", micro=False).matrix
    size = len(rows)

    def draw(pen: Any) -> None:
        for row, modules in enumerate(rows, start=1):
            bottom, top = 1 - row / size, 1 - (row - 1) / size
            for start, end in _dark_runs(modules):
                left, right = start / size, end / size
                _polygon(pen, [(left, bottom), (left, top), (right, top), (right, bottom)])

    return Picture(outline(draw))


def _dark_runs(modules: Iterable[int]) -> Iterator[tuple[int, int]]:
    start = None
    for column, dark in enumerate((*modules, 0)):
        if dark and start is None:
            start = column
        elif not dark and start is not None:
            yield start, column
            start = None


@cache
def seal() -> Picture:
    """Scallops, rays, a laurel and a star. What turns against the clock is cut out of what turns with it."""
    return Picture(outline(_draw_seal))


def _draw_seal(pen: Any) -> None:
    _scallops(pen, 40, valley=0.455, crest=0.515)
    _circle(pen, 0.4355, -1)
    _circle(pen, 0.4295)
    for index in range(90):
        ray = ((0.33, 0.002), (0.4125, 0.002), (0.4125, -0.002), (0.33, -0.002))
        _polygon(pen, [_polar(radius, 2 * pi * index / 90 + aside / radius) for radius, aside in ray])
    _circle(pen, 0.31, -1)
    _circle(pen, 0.2945)
    _circle(pen, 0.2900, -1)
    for side in (1, -1):
        for index in range(7):
            angle = pi - side * (0.30 + index * 0.33)
            growth = angle - side * pi / 2
            _leaf(pen, _polar(0.205, angle), growth + side * 0.45, length=0.0625, width=0.02)
            _leaf(pen, _polar(0.205, angle), growth - side * 0.55, length=0.055, width=0.018)
    _polygon(pen, [_polar(0.04 if tip % 2 else 0.1, pi * tip / 5) for tip in range(10)])


def _polar(radius: float, angle: float, centre: Point = (0.5, 0.5)) -> Point:
    """Clockwise from the top; lengths are parts of the picture's width."""
    return centre[0] + radius * sin(angle), centre[1] + radius * cos(angle)


def _scallops(pen: Any, count: int, *, valley: float, crest: float) -> None:
    step = 2 * pi / count
    arcs = [(_polar(crest, (index + 0.5) * step), _polar(valley, (index + 1) * step)) for index in range(count)]
    _curve(pen, _polar(valley, 0), arcs)


def _circle(pen: Any, radius: float, turn: int = 1) -> None:
    step = turn * pi / 8
    knee = radius / cos(step / 2)
    _curve(
        pen,
        _polar(radius, 0),
        [(_polar(knee, (index + 0.5) * step), _polar(radius, (index + 1) * step)) for index in range(16)],
    )


def _leaf(pen: Any, base: Point, angle: float, *, length: float, width: float) -> None:
    middle = _polar(length * 0.45, angle, base)
    tip = _polar(length, angle, base)
    _curve(pen, base, [(_polar(width, angle - pi / 2, middle), tip), (_polar(width, angle + pi / 2, middle), base)])


def _curve(pen: Any, start: Point, arcs: Iterable[tuple[Point, Point]]) -> None:
    pen.moveTo(_placed(start))
    for control, end in arcs:
        pen.qCurveTo(_placed(control), _placed(end))
    pen.closePath()


def _polygon(pen: Any, corners: list[Point]) -> None:
    pen.moveTo(_placed(corners[0]))
    for corner in corners[1:]:
        pen.lineTo(_placed(corner))
    pen.closePath()


def _placed(point: Point) -> Point:
    return point[0] * UNITS_PER_EM, point[1] * UNITS_PER_EM + _BOTTOM
