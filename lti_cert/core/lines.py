"""Texts of others as one plain line: what a printed value, a mail header and a file name may be made of."""

import unicodedata

_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Bidirectional embeddings, overrides and isolates: inside a name they would reorder what stands around it.
https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters
"""


def one_line(text: str) -> str:
    """`text` composed (NFC), its white space single blanks, without controls, lone surrogates and reordering signs."""
    kept = "".join(sign for sign in " ".join(text.split()) if not _is_dropped(sign))
    return " ".join(unicodedata.normalize("NFC", kept).split())


def _is_dropped(sign: str) -> bool:
    return sign in _REORDERING or unicodedata.category(sign) in {"Cc", "Cs"}
