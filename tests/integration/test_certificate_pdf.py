"""The certificate's PDF, as a reader of PDFs sees it."""

import hashlib
import io
import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from PIL import Image
from pypdf import PageObject, PdfReader

from lti_cert.issuing.embedding import FONT
from lti_cert.issuing.logos import checked_logo
from lti_cert.issuing.pdf import CertificateDoesNotFit, GlyphMissing, Printed, Signatory, render
from lti_cert.issuing.shaping import Setting, shape

PRINTED = Printed(
    name="Zoë Ångström",
    title="Data Literacy",
    course="DATA 101",
    level="completion",
    date="23 November 2026",
    issuer="University of Northfield",
    signatories=(Signatory("Ingrid Åkerström", "Dean"), Signatory("José Álvarez", "Course director")),
    verify_url="https://certificates.example.edu/verify/8Fq2v",
    credential_id="8Fq2v",
)
PICTURE = "\ufffc"


def page(**changes: Any) -> PageObject:
    reader = PdfReader(io.BytesIO(render(replace(PRINTED, **changes))))
    assert len(reader.pages) == 1
    return reader.pages[0]


def lines(of: PageObject) -> list[str]:
    return [line.strip() for line in of.extract_text().splitlines()]


def heights(of: PageObject) -> dict[str, tuple[float, float]]:
    """By line: how high its baseline is on the page, and its size, both in points."""
    found = {}

    def note(text: str, matrix: list[float], text_matrix: list[float], _font: Any, size: float) -> None:
        if text.strip():
            found[text.strip()] = (matrix[3] * text_matrix[5] + matrix[5], size)

    of.extract_text(visitor_text=note)
    return found


def logo() -> bytes:
    file = io.BytesIO()
    Image.new("RGBA", (600, 200), (120, 0, 0, 128)).save(file, "PNG")
    return checked_logo(file.getvalue())


NAMES = {
    "Vietnamese": "Nguyễn Thị Minh Khai",
    "decomposed Vietnamese": "Nguye\u0302\u0303n",
    "Polish": "Łukasz Żółć",
    "Yoruba": "Ọlá Ṣadé",
    "Greek": "Ελένη Παπαδοπούλου",
    "Cyrillic": "Дмитрий Шевченко",
    "Arabic": "محمد عبد الله",
    "Hebrew": "יעל בן־דוד",
    "simplified Chinese": "李小龙",
    "traditional Chinese": "陳大文",
    "a rare Chinese character": "王䶮",
    "Japanese": "山田 たろう",
    "Korean": "김민수",
    "a rare Korean syllable": "뷁",
    "Hindi": "अनिकेत क्षत्रिय",
    "Bengali": "বিদ্যুৎ চট্টোপাধ্যায়",
    "Tamil": "தமிழ்ச்செல்வி",
    "Thai": "น้ำทิพย์",
    "Burmese": "သန္တာ ဝင်းမြင့်",
    "Georgian": "მარიამ გელაშვილი",
    "Armenian": "Թամարա Յովհաննիսյան",
    "Amharic": "አበበ ቢቂላ",
    "Han beside Latin": "陳大文 Peter Chan",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_name_is_found_by_a_reader_whatever_its_script(name: str) -> None:
    composed = name.replace("e\u0302\u0303", "ễ")
    assert composed in lines(page(name=name))


def test_letters_of_both_directions_stand_in_one_name() -> None:
    text = page(name="Maria (מריה) Cohen").extract_text()
    assert all(word in text for word in ("Maria", "מריה", "Cohen"))


def test_arabic_letters_are_joined() -> None:
    joined = shape("محمد", Setting(), right_to_left=True)
    alone = [shape(letter, Setting(), right_to_left=True)[0] for letter in "دمحم"]
    assert [cluster.text for cluster in joined] == [cluster.text for cluster in alone]
    assert [cluster.glyphs for cluster in joined] != [cluster.glyphs for cluster in alone]


def test_vowel_signs_stand_before_the_consonant_they_follow_in_hindi() -> None:
    (cluster,) = shape("कि", Setting(), right_to_left=False)
    consonant = shape("क", Setting(), right_to_left=False)[0].glyphs[0][0]
    assert [glyph_id for glyph_id, _, _ in cluster.glyphs].index(consonant) == 1


def test_han_characters_take_the_form_of_the_language() -> None:
    def glyphs(text: str, language: str) -> tuple[tuple[int, int, int], ...]:
        return shape(text, Setting(language=language), right_to_left=False)[0].glyphs

    assert glyphs("直", "ja") != glyphs("直", "zh")
    assert glyphs("直の", "en") == glyphs("直", "ja")  # kana tell


@pytest.mark.parametrize(
    "name", ["<b>Bobby</b> &amp; Söhne", '<img src="file:///etc/passwd">', "{{ printed.title }}", "]]> -- %PDF"]
)
def test_markup_in_a_name_is_printed_as_it_was_written(name: str) -> None:
    assert name in lines(page(name=name))


def test_marks_that_would_reorder_the_line_are_left_out() -> None:
    assert "evil gnp.exe" in lines(page(name="evil \u202egnp.exe\u202c\n"))


@pytest.mark.parametrize(
    ("name", "missing"),
    [("Ann 🎓 Lee", "🎓"), ("Ann \ue000", "\ue000"), ("\ud800", "\ud800"), ("ᚠᚢ Ann 🎓", "ᚠᚢ🎓")],
)
def test_a_character_that_no_font_has_is_refused_by_name(name: str, missing: str) -> None:
    with pytest.raises(GlyphMissing) as refused:
        page(name=name)
    assert refused.value.characters == missing
    assert all(f"U+{ord(character):04X}" in refused.value.shown_message for character in missing)


def test_only_distinction_bears_a_seal_and_each_level_says_its_name() -> None:
    completion, distinction = page(level="completion"), page(level="distinction")
    assert "Certificate of Completion" in lines(completion)
    assert "Certificate with Distinction" in lines(distinction)
    assert "has completed with distinction" in lines(distinction)
    assert completion.extract_text().count(PICTURE) == 1  # the QR code
    assert distinction.extract_text().count(PICTURE) == 2


def test_what_is_not_known_leaves_nothing_behind() -> None:
    text = page(issuer="", course="", signatories=(), verify_url="", credential_id="").extract_text()
    assert not any(word in text for word in ("None", "Verify", "Credential", PICTURE))


LONG = "Wolfeschlegelsteinhausenbergerdorff "
EXTREMES = {
    "a long name": {"name": LONG * 4},
    "a long name without spaces": {"name": "A" * 120},
    "long Chinese": {"name": "李小龙" * 25},
    "tall letters": {"name": "သန္တာ ဝင်းမြင့် " * 6, "title": "مُحَمَّدٌ " * 12},
    "everything long": {
        "name": LONG * 3,
        "title": LONG * 3,
        "subtitle": LONG * 4,
        "course": LONG * 4,
        "issuer": LONG * 3,
        "signatories": (Signatory(LONG, LONG * 2),) * 3,
        "verify_url": "https://certificates.example.edu/verify/" + "x" * 80,
        "credential_id": "x" * 64,
    },
}


@pytest.mark.parametrize("changes", EXTREMES.values(), ids=EXTREMES.keys())
def test_long_texts_shrink_until_one_page_holds_them_apart(changes: dict[str, Any]) -> None:
    certificate = page(level="distinction", logo=logo(), **changes)
    found = heights(certificate)
    above = min(height for line, (height, _) in found.items() if line.startswith("Awarded on"))
    signatory = changes.get("signatories", PRINTED.signatories)[0].name.strip()
    below = max(height for line, (height, _) in found.items() if signatory.startswith(line) and height < above)
    assert above - below > 40  # points: room for a signature
    assert min(size for _, size in found.values()) >= 5


def test_a_long_name_takes_a_second_line() -> None:
    short, long = page(), page(name="Dr. Maria-Theresia Wolfeschlegelsteinhausenbergerdorff von und zu Niederdorf")
    assert heights(short)["Zoë Ångström"][1] == pytest.approx(42)
    first, second = "Dr. Maria-Theresia", "Wolfeschlegelsteinhausenbergerdorff von und zu Niederdorf"
    text = " ".join(lines(long))
    assert first in text
    assert second.split()[-1] in text
    assert f"{first} {second}" not in lines(long)


@pytest.mark.parametrize("name", ["x" * 5_000, "李" * 900, "a" + "\u0301" * 500], ids=["long", "wide", "tall"])
def test_what_no_page_can_hold_is_refused(name: str) -> None:
    with pytest.raises(CertificateDoesNotFit) as refused:
        page(name=name)
    assert "too long for a certificate" in refused.value.shown_message
    assert name not in refused.value.detail  # names are not for the log


@pytest.mark.parametrize("changes", [{"name": " "}, {"signatories": (Signatory("A"),) * 4}])
def test_a_certificate_has_a_name_and_at_most_three_signatories(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"name|signatories"):
        replace(PRINTED, **changes)


def test_every_font_is_embedded() -> None:
    certificate = page(name="陳大文 محمد Ελένη", level="distinction")
    for font in certificate["/Resources"]["/Font"].values():
        descendant = font.get_object()["/DescendantFonts"][0].get_object()
        assert "/FontFile2" in descendant["/FontDescriptor"]


def test_the_same_values_give_the_same_bytes_in_another_process() -> None:
    ours = render(PRINTED)
    assert ours == render(Printed.from_json(PRINTED.to_json()))
    program = (
        "import sys; from lti_cert.issuing.pdf import Printed, render\n"
        "sys.stdout.buffer.write(render(Printed.from_json(sys.stdin.read())))"
    )
    theirs = subprocess.run(
        [sys.executable, "-c", program],
        input=PRINTED.to_json().encode(),
        capture_output=True,
        check=True,
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUTF8": "1"},
    )
    assert hashlib.sha256(theirs.stdout).digest() == hashlib.sha256(ours).digest()


def test_printed_values_survive_their_way_through_json() -> None:
    full = replace(PRINTED, logo=logo(), subtitle="Ünïcode 李", level="distinction", language="zh")
    assert Printed.from_json(full.to_json()) == full


def test_the_document_says_title_author_subject_and_language_and_no_time() -> None:
    reader = PdfReader(io.BytesIO(render(replace(PRINTED, language="vi"))))
    about = reader.metadata
    assert about is not None
    assert (about.title, about.author, about.subject) == (
        "Data Literacy: Zoë Ångström",
        "University of Northfield",
        "DATA 101",
    )
    assert about.creation_date is None
    assert reader.trailer["/Root"]["/Lang"] == "vi"


def test_the_verification_address_can_be_followed() -> None:
    targets = [note.get_object()["/A"]["/URI"] for note in page()["/Annots"]]
    assert set(targets) == {PRINTED.verify_url}


def test_a_telephone_reads_the_same_address_from_paper() -> None:
    paper = pypdfium2.PdfDocument(render(PRINTED))[0].render(scale=150 / 72, grayscale=True).to_pil()
    assert [code.text for code in zxingcpp.read_barcodes(paper)] == [PRINTED.verify_url]


def test_documents_drawn_at_the_same_time_do_not_mix() -> None:
    names = list(NAMES.values())[4:14]
    with ThreadPoolExecutor(4) as pool:
        for name, certificate in zip(names, pool.map(lambda name: page(name=name), names), strict=True):
            assert name in lines(certificate)


def test_the_renderer_has_nothing_to_complain_about(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        page(level="distinction", logo=logo())
    assert not caplog.records


def test_text_in_a_template_that_was_not_set_is_refused_and_does_not_vanish() -> None:
    with pytest.raises(ValueError, match="without having been set"):
        FONT.stringWidth("x", 10)
