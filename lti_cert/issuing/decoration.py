"""Decoration in what names an achievement, a course or an institution: emoji and pictographs that no face can draw.

They are left out, since nobody's certificate should wait for them. In the name of a person nothing is: it is printed
whole or not at all.
"""

import unicodedata
from functools import lru_cache
from typing import get_args

from fontTools.unicodedata import script as script_of

from lti_cert.core.lines import one_line
from lti_cert.issuing.fonts import GlyphMissing, Style
from lti_cert.issuing.shaping import Setting, graphemes, shape

_CATEGORIES = frozenset(("So", "Sk", "Me"))
"""Symbols, the tones of emoji, and the frames of keycaps. Letters and numbers are none, however they are drawn."""

_OF_NO_SCRIPT = frozenset(("Zyyy", "Zinh"))

_YET_TO_COME = range(0x1F000, 0x1FB00)
"""The blocks of pictographs: those that a later Unicode adds are unassigned for us.
https://www.unicode.org/reports/tr51/#Emoji_Properties
"""


def undecorated(text: str) -> str:
    """One line without the decoration that cannot be drawn; empty where nothing else is left."""
    return one_line("".join(map(_kept, graphemes(one_line(text)))))


def left_out(*texts: str) -> str:
    """The signs that `undecorated` leaves out of these texts, each once."""
    return "".join(
        dict.fromkeys(
            sign
            for text in texts
            for grapheme in graphemes(one_line(text))
            for sign in grapheme
            if _is_decoration(sign) and sign not in _kept(grapheme)
        )
    )


def _kept(grapheme: str) -> str:
    if not any(map(_is_decoration, grapheme)) or _is_drawn(grapheme):
        return grapheme
    if _is_decoration(grapheme[0]):
        return ""  # with its joiners and selectors
    return "".join(sign for sign in grapheme if not _is_decoration(sign))


def _is_decoration(sign: str) -> bool:
    category = unicodedata.category(sign)
    if category == "Cn":
        return ord(sign) in _YET_TO_COME
    return category in _CATEGORIES and script_of(sign) in _OF_NO_SCRIPT


@lru_cache(maxsize=512)
def _is_drawn(grapheme: str) -> bool:
    try:
        for style in get_args(Style):
            shape(grapheme, Setting(style), right_to_left=False)
    except GlyphMissing:
        return False
    return True
