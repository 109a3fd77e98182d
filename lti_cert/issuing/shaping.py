"""Text to glyphs: bidirectional order (UAX #9), script runs, and HarfBuzz, which joins, stacks, kerns and places.

What draws character by character cannot join Arabic, stack Thai or order Devanagari. Here that is done before the page
is laid out, so that the page sees only clusters, each a few glyphs at fixed places.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, groupby, pairwise
from operator import itemgetter
from typing import Any

import uharfbuzz
from fontTools.pens.transformPen import TransformPen
from fontTools.unicodedata import script as script_of
from xhtml2pdf.bidi import display_order

from lti_cert.issuing.fonts import UNITS_PER_EM, Face, GlyphMissing, Style, faces
from lti_cert.issuing.truetype import Outline, outline

_NEUTRAL = ("Zyyy", "Zinh")
_CLINGING = ("Mn", "Mc", "Me", "Cf")
_NOT_TEXT = ("Co", "Cs", "Cn")
_TELLING = {"Hira": "ja", "Kana": "ja", "Hang": "ko"}
"""Scripts that tell in which language's forms the Han characters beside them are drawn."""
_WITH_SMALL_CAPS = ("Latn", "Grek", "Cyrl")
_TRACKING = UNITS_PER_EM * 6 // 100
"""Small capitals stand a little apart."""
_DIRECTION_CONTROLS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))


@dataclass(frozen=True)
class Cluster:
    """The smallest piece that has a place of its own: some glyphs of one face, and the text they stand for."""

    text: str
    face: Face
    glyphs: tuple[tuple[int, int, int], ...]  # glyph id, x, y
    advance: int

    @property
    def outline(self) -> Outline:
        return _outline(self)


@lru_cache(maxsize=4096)
def _outline(cluster: Cluster) -> Outline:
    """Kept, because the certificates of one course differ in little more than a name."""

    def draw(pen: Any) -> None:
        for glyph_id, x, y in cluster.glyphs:
            cluster.face.font.draw_glyph_with_pen(glyph_id, TransformPen(pen, (1, 0, 0, 1, x, y)) if x or y else pen)

    return outline(draw)


@dataclass(frozen=True)
class Setting:
    """How a text is set: everything besides the text that decides its glyphs."""

    style: Style = "regular"
    language: str = "en"


def cleaned(text: str) -> str:
    """One line of composed characters, without controls: a name may not reorder the text around it (UTR #36)."""
    text = unicodedata.normalize("NFC", text).translate(_DIRECTION_CONTROLS)
    return " ".join("".join(" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in text).split())


def is_right_to_left(text: str) -> bool:
    """Rule P2: the first strong character decides."""
    strong = (unicodedata.bidirectional(char) for char in text)
    return next((kind != "L" for kind in strong if kind in ("L", "R", "AL")), False)


@lru_cache(maxsize=512)
def shape(text: str, setting: Setting, *, right_to_left: bool) -> tuple[Cluster, ...]:
    """One line, its clusters from left to right.

    :raises GlyphMissing: characters that no face can draw.
    """
    order, levels = display_order(text, "R" if right_to_left else "L")
    scripts = _scripts(text, levels)
    language = next((_TELLING[script] for script in scripts if script in _TELLING), setting.language)
    leftmost = {index: position for position, index in enumerate(order)}
    runs: list[tuple[int, tuple[Cluster, ...]]] = []
    missing = ""
    for (level, script), group in groupby(range(len(text)), key=lambda index: (levels[index], scripts[index])):
        indices = list(group)
        run = _Run(text[indices[0] : indices[-1] + 1], script, bool(level % 2), setting.style, language)
        try:
            runs.append((min(leftmost[index] for index in indices), _shape_run(run)))
        except GlyphMissing as problem:
            missing += problem.characters
    if missing:
        raise GlyphMissing(missing)
    return tuple(cluster for _, clusters in sorted(runs, key=itemgetter(0)) for cluster in clusters)


def width(clusters: Iterable[Cluster]) -> float:
    """In ems."""
    return sum(cluster.advance for cluster in clusters) / UNITS_PER_EM


@dataclass(frozen=True)
class _Run:
    """Text of one direction and one script."""

    text: str
    script: str
    right_to_left: bool
    style: Style
    language: str


def _scripts(text: str, levels: Sequence[int]) -> list[str]:
    """The script of each character; punctuation and marks join the nearest letters of their own direction."""
    found = [script_of(char) for char in text]
    known: dict[int, str] = {}
    for level, script in zip(levels, found, strict=True):
        if script not in _NEUTRAL:
            known.setdefault(level, script)
    for index, level in enumerate(levels):
        if found[index] in _NEUTRAL:
            found[index] = known.get(level, "Latn")
        known[level] = found[index]
    return found


def _shape_run(run: _Run) -> tuple[Cluster, ...]:
    """In the first face that has all of it, so that a name keeps one hand; else each letter in the first with it."""
    candidates = faces(run.script, run.style)
    for face in candidates:
        clusters = _shape_with(face, run, run.text)
        if clusters is not None:
            return clusters
    pieces = [(grapheme, _first_face(candidates, run, grapheme)) for grapheme in graphemes(run.text)]
    missing = "".join(grapheme for grapheme, face in pieces if face is None)
    if missing:
        raise GlyphMissing(missing)
    parts = [
        _shape_with(face, run, "".join(grapheme for grapheme, _ in group)) or ()
        for face, group in groupby(pieces, key=itemgetter(1))
        if face is not None
    ]
    return tuple(chain.from_iterable(reversed(parts) if run.right_to_left else parts))


def _first_face(candidates: Sequence[Face], run: _Run, grapheme: str) -> Face | None:
    return next((face for face in candidates if _shape_with(face, run, grapheme) is not None), None)


def graphemes(text: str) -> Iterator[str]:
    """Letters with the marks and joiners that follow them."""
    start = 0
    for index in range(1, len(text) + 1):
        if index == len(text) or unicodedata.category(text[index]) not in _CLINGING:
            yield text[start:index]
            start = index


def _shape_with(face: Face, run: _Run, text: str) -> tuple[Cluster, ...] | None:
    """None if the face lacks a glyph for any of it."""
    if any(unicodedata.category(char) in _NOT_TEXT for char in text):
        return None
    buffer = uharfbuzz.Buffer()
    buffer.add_str(text)
    buffer.direction = "rtl" if run.right_to_left else "ltr"
    buffer.script = run.script
    buffer.language = run.language
    tracked = run.style == "small-caps" and run.script in _WITH_SMALL_CAPS
    uharfbuzz.shape(face.font, buffer, {"smcp": True, "liga": False} if tracked else {})
    glyphs = list(zip(buffer.glyph_infos, buffer.glyph_positions, strict=True))
    if any(info.codepoint == 0 for info, _ in glyphs):
        return None
    starts = sorted({info.cluster for info, _ in glyphs})
    source = {start: text[start:end] for start, end in pairwise([*starts, len(text)])}
    tracking = _TRACKING if tracked else 0
    return tuple(
        _cluster(source[start], face, [*group], tracking)
        for start, group in groupby(glyphs, lambda glyph: glyph[0].cluster)
    )


def _cluster(text: str, face: Face, glyphs: list[tuple[Any, Any]], tracking: int) -> Cluster:
    placed = []
    pen = 0
    for info, position in glyphs:
        placed.append((info.codepoint, pen + position.x_offset, position.y_offset))
        pen += position.x_advance
    return Cluster(text, face, tuple(placed), max(0, pen + tracking))
