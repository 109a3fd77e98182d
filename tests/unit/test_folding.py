"""Names as they are looked for and put in order."""

import runpy

import pytest

from lti_cert.core import resources
from lti_cert.core.folding import folded

migrated = runpy.run_path(str(resources.MIGRATIONS / "versions/2026_11_26_folded_names.py"))["_folded"]


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Ada Lovelace", "ada lovelace"),
        ("Ångström", "angstrom"),
        ("A\u030angstro\u0308m", "angstrom"),
        ("ΠΑΠΑΔΌΠΟΥΛΟΣ", "παπαδοπουλοσ"),
        ("Παπαδόπουλος", "παπαδοπουλοσ"),
        ("Łukasz Øster-Æby", "lukasz oster-aeby"),
        ("Weiß", "weiss"),
        ("İnci Işık", "inci isik"),
        ("ＡＤＡ　ﬁ", "ada fi"),
        ("Ёлкина", "елкина"),
        ("Nguyễn Thị Đào", "nguyen thi dao"),
        ("王小明", "王小明"),
        ("", ""),
    ],
)
def test_a_name_is_found_without_its_marks_and_in_any_case(name: str, plain: str) -> None:
    assert folded(name) == plain
    assert folded(plain) == plain
    assert migrated(name) == plain


def test_names_are_in_the_order_that_a_reader_expects() -> None:
    names = ["Zoë", "Łukasz", "Ångström", "ada", "Öz", "Mia"]
    assert sorted(names, key=folded) == ["ada", "Ångström", "Łukasz", "Mia", "Öz", "Zoë"]
