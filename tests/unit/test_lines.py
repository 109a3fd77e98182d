import pytest

from lti_cert.core.lines import one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  Ada\r\nBcc: eve@example.edu\t Lovelace ", "Ada Bcc: eve@example.edu Lovelace"),
        ("Ada\x00\x07 \x1b[31mLovelace", "Ada [31mLovelace"),
        ("Ada \u202eecalevoL\u202c \u2066x\u2069", "Ada ecalevoL x"),
        ("Zoe\u0308\u2028Z\u2029", "Zoë Z"),
        ("Ada \ud800Lovelace", "Ada Lovelace"),
        ("نور \u200fالهدى", "نور \u200fالهدى"),
        ("क्\u200dष", "क्\u200dष"),
        ("\x00 \u202e", ""),
        *(
            (blank, "")
            for blank in ("\u200b", "\u2060\u200d", "\u00ad", "\u3164", "\u200f", "\ufeff", " \u0301", "\u2800")
        ),
        ("\u200bI", "\u200bI"),
        ("\U0010fffd", "\U0010fffd"),
    ],
)
def test_a_text_becomes_one_plain_line(text: str, line: str) -> None:
    assert one_line(text) == line
