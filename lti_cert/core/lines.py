"""Texts of others as one plain line: what a printed value, a mail header and a file name may be made of."""

import unicodedata

_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Bidirectional embeddings, overrides and isolates: inside a name they would reorder what stands around it.
https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters
"""


def one_line(text: str) -> str:
    """`text` composed (NFC), controls and white space as single blanks; lone surrogates and reordering signs go."""
    return " ".join("".join(map(_plain, unicodedata.normalize("NFC", text))).split())


def _plain(sign: str) -> str:
    category = unicodedata.category(sign)
    if category == "Cc":
        return " "
    return "" if category == "Cs" or sign in _REORDERING else sign
