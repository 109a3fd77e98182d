"""Text made to fit: as large as the design wants it, else smaller, else on more lines, else refused."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from lti_cert.core.errors import LtiCertError
from lti_cert.issuing.shaping import Cluster, Setting, cleaned, graphemes, is_right_to_left, shape, width

_COMFORTABLE = 0.75  # of the size wanted: smaller than that, a second line looks better
_SMALLER_PER_LINE = 0.82
_DESPERATE = 0.4  # of the size wanted: smaller than that, words may be broken anywhere
_LONGEST = 1000  # characters: no such text can fit, and no time is spent on finding that out
_MOST_MARKS = 30  # on one letter, as Unicode's stream-safe format has it (UAX #15)

# Where a line may end: after spaces and hyphens, and beside each Han, kana or Hangul character (UAX #14, simplified).
_EAST_ASIAN = "\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_SEGMENTS = re.compile(rf"[{_EAST_ASIAN}][^\w\s]*\s*|[^\s{_EAST_ASIAN}-]*(?:-+|\s+|$|(?=[{_EAST_ASIAN}]))")


class CertificateDoesNotFit(LtiCertError):
    """What is to be printed does not go on one page at a size that people can read."""

    status: ClassVar[int] = 422
    title = "This does not fit on a certificate"
    message = "The certificate would not fit on one page."
    guidance = "Shorten the longest text. The document is then made by itself."


@dataclass(frozen=True)
class Block:
    """Lines of one size in points, each with its clusters from left to right."""

    size: float
    lines: tuple[tuple[Cluster, ...], ...]


def fit(text: str, setting: Setting, *, size: float, least: float, measure: float, lines: int = 1) -> Block:
    """The text within `measure` points, at `size` if it can be and never below `least`.

    :raises GlyphMissing: a character that no face can draw.
    :raises CertificateDoesNotFit: it would be smaller than `least`.
    """
    if len(text) > _LONGEST:
        raise _does_not_fit(text, least)
    text = cleaned(text)
    right_to_left = is_right_to_left(text)
    words = [found for found in _SEGMENTS.findall(text) if found]
    letters = list(graphemes(text))
    if any(len(letter) > _MOST_MARKS for letter in letters):
        raise _does_not_fit(text, least)
    best = Block(0, ())
    for segments in (words, letters):
        for count in range(1, lines + 1):
            shaped = tuple(
                shape(line.strip(), setting, right_to_left=right_to_left)
                for line in _narrowest(segments, count, setting, right_to_left=right_to_left)
            )
            widest = max(map(width, shaped), default=0)
            wanted = size * _SMALLER_PER_LINE ** (count - 1)
            possible = min(wanted, measure / widest) if widest else wanted
            if possible > best.size:
                best = Block(possible, shaped)
            if possible >= size * _COMFORTABLE:
                return best
        if best.size >= max(least, size * _DESPERATE):
            break
    if best.size >= least:
        return best
    raise _does_not_fit(text, least)


def _does_not_fit(text: str, least: float) -> CertificateDoesNotFit:
    return CertificateDoesNotFit(
        f"a text of {len(text)} characters at {least} pt", message=f"“{text[:60]}…” is too long for a certificate."
    )


def _narrowest(segments: Sequence[str], count: int, setting: Setting, *, right_to_left: bool) -> list[str]:
    """At most `count` lines, the widest of them as narrow as can be."""
    if count == 1:
        return ["".join(segments)]
    widths = [width(shape(segment, setting, right_to_left=right_to_left)) for segment in segments]
    low, high = max(widths, default=0), sum(widths)
    while high - low > 0.05:
        middle = (low + high) / 2
        low, high = (low, middle) if len(_fill(segments, widths, middle)) <= count else (middle, high)
    return _fill(segments, widths, high)


def _fill(segments: Sequence[str], widths: Sequence[float], limit: float) -> list[str]:
    lines = [""]
    used = 0.0
    for segment, needed in zip(segments, widths, strict=True):
        if lines[-1] and used + needed > limit:
            lines.append("")
            used = 0.0
        lines[-1] += segment
        used += needed
    return lines
