"""The faces a certificate is set in: which face draws which script, and what is said when none can.

The files are described in `static/fonts/LICENSES.md`; each is opened when the first text needs it, once per process.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal

import uharfbuzz

from lti_cert.core.errors import LtiCertError
from lti_cert.core.resources import STATIC

FOLDER = STATIC / "fonts"

UNITS_PER_EM = 2000
"""The grid on which glyphs of all faces are drawn; HarfBuzz scales each face to it."""

Style = Literal["regular", "italic", "small-caps"]

_LATIN = "EBGaramond-Regular.ttf"
_LATIN_ITALIC = "EBGaramond-Italic.ttf"
_MORE_LATIN = "NotoSerif-Regular.ttf"
_ARABIC = "Amiri-Regular.ttf"
_HEBREW = "FrankRuhlLibre-Regular.ttf"
_CJK = "NotoSerifCJK-Regular.otf"
_NOTO = {
    "Armn": "Armenian",
    "Beng": "Bengali",
    "Deva": "Devanagari",
    "Ethi": "Ethiopic",
    "Geor": "Georgian",
    "Gujr": "Gujarati",
    "Guru": "Gurmukhi",
    "Khmr": "Khmer",
    "Knda": "Kannada",
    "Laoo": "Lao",
    "Mlym": "Malayalam",
    "Mymr": "Myanmar",
    "Sinh": "Sinhala",
    "Taml": "Tamil",
    "Telu": "Telugu",
    "Thai": "Thai",
}
_BY_SCRIPT = {
    "Arab": _ARABIC,
    "Hebr": _HEBREW,
    **dict.fromkeys(("Bopo", "Hang", "Hani", "Hira", "Kana"), _CJK),
    **{script: f"NotoSerif{name}-Regular.ttf" for script, name in _NOTO.items()},
}

_SCALES = {_LATIN: 1, _LATIN_ITALIC: 1, _MORE_LATIN: 0.88, _ARABIC: 1.08, _HEBREW: 0.96, _CJK: 0.9}
_NOTO_SCALE = 0.85
"""What makes the other faces look as large as the first beside them."""


class GlyphMissing(LtiCertError):
    """A text holds characters that no face of ours can draw; a document that lost them silently would be wrong."""

    status: ClassVar[int] = 422
    title = "A character cannot be printed"
    guidance = "Change the name or title so that it does without. The document is then made by itself."

    def __init__(self, characters: Iterable[str]) -> None:
        self.characters = "".join(dict.fromkeys(characters))
        listed = ", ".join(f"{_shown(character)} (U+{ord(character):04X})" for character in self.characters)
        super().__init__(f"no glyph for {listed}", message=f"The certificate's fonts have no sign for {listed}.")


def _shown(character: str) -> str:
    return character if character.isprintable() else "a character"


@dataclass(frozen=True, eq=False)
class Face:
    """One font file, opened and scaled to UNITS_PER_EM."""

    file: str
    font: uharfbuzz.Font


def faces(script: str, style: Style) -> list[Face]:
    """The faces to try for a script (ISO 15924), best first."""
    latin = _LATIN_ITALIC if style == "italic" else _LATIN
    best = [_BY_SCRIPT[script]] if script in _BY_SCRIPT else []
    return [_open(file) for file in (*best, latin, _MORE_LATIN, _CJK)]


@cache
def _open(file: str) -> Face:
    font = uharfbuzz.Font(uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(FOLDER / file))))
    scale = round(UNITS_PER_EM * _SCALES.get(file, _NOTO_SCALE))
    font.scale = (scale, scale)
    return Face(file, font)
