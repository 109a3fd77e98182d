"""Texts of others: what a database keeps of them, and as one plain line, of which a printed value, a mail header and a
file name may be made.
"""

import re
import unicodedata

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What no database takes: NUL, and the half of a character that is left where somebody cut a text."""

_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Bidirectional embeddings, overrides and isolates: inside a name they would reorder what stands around it.
https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters
"""


_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn", "Me"))
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and a symbol by their category, and yet blank: the fillers of Hangul, Braille without a dot."""


def one_line(text: str) -> str:
    """`text` composed (NFC), controls and white space as single blanks; lone surrogates and reordering signs go.
    Empty where nothing of it can be seen.
    """
    line = " ".join("".join(map(_plain, unicodedata.normalize("NFC", text))).split())
    return line if is_visible(line) else ""


def is_visible(text: str) -> bool:
    """Whether there is a sign that can be seen: not only blanks, joiners, or marks without their letter."""
    return any(unicodedata.category(sign) not in _UNSEEN and sign not in _FILLERS for sign in text)


def _plain(sign: str) -> str:
    category = unicodedata.category(sign)
    if category == "Cc":
        return " "
    return "" if category == "Cs" or sign in _REORDERING else sign
