"""Names as they are looked for and put in order: without what a keyboard may lack."""

import unicodedata

_WHOLE_LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
"""Letters that Unicode does not take apart into another one and a mark."""


def folded(text: str) -> str:
    """`text` in one case, without marks: what folds to the same is the same to whoever searches. Rows keep what comes
    of it, so a change here needs a migration that folds them anew.

    https://www.unicode.org/reports/tr15/#Norm_Forms (NFKD)
    """
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", apart) if not unicodedata.combining(sign))
    return plain.translate(_WHOLE_LETTERS)
