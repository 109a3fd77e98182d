"""From an award to its document: drawn once, stored with its fingerprint, and never for what was overtaken."""

import hashlib
import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import func, select, update

from lti_cert.achievements import saving
from lti_cert.achievements.models import Achievement
from lti_cert.certificates.models import Certificate, Credential
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import InputRejected
from lti_cert.courses.models import Course, Member
from lti_cert.issuing import design, documents, issue
from lti_cert.issuing.models import Document, DocumentAwaited
from lti_cert.issuing.pdf import Printed, Signatory
from lti_cert.lti.claims import LEARNER
from lti_cert.outbox import outbox, run, tending
from lti_cert.outbox.models import OutboxRow
from tests import building as b
from tests.draining import drain, forget, outcomes
from tests.visiting import visitor

pytestmark = [pytest.mark.each_database, pytest.mark.usefixtures("app")]

ITEMS = {"Quiz": 20}
GOOD: dict[str, float | str] = {"Quiz": 19}
FAIR: dict[str, float | str] = {"Quiz": 13}


def earned(
    name: str = "Ada Lovelace",
    scores: dict[str, float | str] = GOOD,
    course_title: str = "Data Literacy",
    **rule: Any,
) -> tuple[Course, Achievement]:
    """A course in which one learner has earned a certificate, evaluated but with nothing run yet."""
    course = b.course(title=course_title)
    b.take(course, b.with_person(b.snapshot(ITEMS, {"ada": scores}), "ada", name=name))
    achievement = b.achievement(course, b.document(title="Certificate in Data Literacy", distinction=85) | rule)
    b.evaluate(course)
    return course, achievement


def credentials() -> list[Credential]:
    db.session.rollback()
    return list(db.session.scalars(select(Credential).order_by(Credential.number)))


def the_document() -> Document:
    db.session.rollback()
    return db.session.scalars(select(Document)).one()


def documents_stored() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Document)) or 0


def text_of(pdf: bytes) -> str:
    return " ".join(PdfReader(io.BytesIO(pdf)).pages[0].extract_text().split())


def test_an_award_is_followed_by_a_document_that_says_what_was_earned() -> None:
    with time_machine.travel(datetime(2026, 3, 1, 23, 30, tzinfo=UTC)):
        earned()
    drain()
    (credential,) = credentials()
    document = the_document()
    text = text_of(document.pdf)
    for printed in ("Ada Lovelace", "Certificate in Data Literacy", "1 March 2026", credential.public_id):
        assert printed in text
    assert document.sha256 == hashlib.sha256(document.pdf).hexdigest()
    assert document.printed["name"] == "Ada Lovelace"
    assert document.printed["level"] == "distinction"
    assert document.printed["course"] == "Data Literacy"
    assert document.printed["issuer"] == "Data Literacy"
    assert document.printed["date"] == "1 March 2026"
    assert document.printed["verify_url"] == f"http://localhost:8400/verify/{credential.public_id}"
    assert outcomes("issue") == [("done", "")]
    assert len(outcomes("tell issued")) == 1


def test_the_platform_issues_where_the_design_names_nobody() -> None:
    platform = b.registration(name="Example University")
    course = b.course(platform)
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD}))
    b.achievement(course)
    drain()
    assert the_document().printed["issuer"] == "Example University"


def test_a_document_uses_the_design_and_keeps_it_when_the_design_changes() -> None:
    _, achievement = earned()
    save_design(
        achievement, subtitle="has completed 60 hours", issuer="Example University", by=("Grace Hopper", "Dean")
    )
    drain()
    before = the_document()
    text = text_of(before.pdf)
    for printed in ("has completed 60 hours", "Example University", "Grace Hopper", "Dean"):
        assert printed in text
    pdf = before.pdf
    save_design(achievement, subtitle="something else", issuer="Somebody else", by=("Nobody", ""))
    drain()
    assert the_document().pdf == pdf
    b.decide(achievement, "reissue", "ada")
    drain()
    assert db.session.get_one(Document, credentials()[-1].id).printed["issuer"] == "Somebody else"


def save_design(achievement: Achievement, *, subtitle: str, issuer: str, by: tuple[str, str]) -> None:
    described = design.read(
        achievement,
        subtitle=subtitle,
        issuer=issuer,
        signatories=[Signatory(*by)],
        logo=design.design_of(achievement).logo,
    )
    with transaction():
        design.save(described)


def test_issuing_twice_stores_one_document_and_tells_once() -> None:
    earned()
    drain()
    sha256 = the_document().sha256
    forget("issue")
    drain()
    assert the_document().sha256 == sha256
    assert outcomes("issue") == [("overtaken", "its document is there already")]
    assert outcomes("tell issued") == [("done", "")]


def test_a_certificate_revoked_before_it_was_issued_gets_no_document() -> None:
    _, achievement = earned()
    b.decide(achievement, "revoke", "ada")
    drain()
    assert documents_stored() == 0
    assert outcomes("issue") == [("overtaken", "the credential is revoked")]
    assert outcomes("tell issued") == []


def test_a_certificate_upgraded_before_it_was_issued_gets_the_document_of_its_new_level() -> None:
    course, achievement = earned(scores=FAIR)
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD}))
    b.evaluate(course)
    assert b.standing(achievement, "ada") == ("earned", "distinction", None)
    drain()
    assert outcomes("issue") == [("overtaken", "the credential is superseded"), ("done", "")]
    assert the_document().printed["level"] == "distinction"


def test_what_is_revoked_while_its_document_is_drawn_is_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    _, achievement = earned()
    draw = issue.pdf.render

    def draw_slowly(printed: Any) -> bytes:
        drawn = draw(printed)
        b.decide(achievement, "revoke", "ada")
        return drawn

    monkeypatch.setattr(issue.pdf, "render", draw_slowly)
    drain()
    assert documents_stored() == 0
    assert outcomes("issue") == [("overtaken", "the credential is revoked")]


def test_a_move_that_led_to_no_credential_is_overtaken() -> None:
    _, achievement = earned()
    certificate = b.certificate(achievement, "ada")
    with transaction() as session:
        row = session.scalars(select(OutboxRow).where(OutboxRow.job == "issue")).one()
        row.payload = {"certificate_id": certificate.id, "version": 99}
    drain()
    assert outcomes("issue") == [("overtaken", "there is no such credential")]


@pytest.mark.parametrize("nameless", ["", "  \u202e\x00 ", "\u200b", "\u2060\u200d", "\u3164"])
def test_a_person_without_a_name_gets_her_document_when_a_sync_brings_one(nameless: str) -> None:
    course, _ = earned(name=nameless.replace("\x00", ""))
    drain()
    (credential,) = credentials()
    assert documents_stored() == 0
    assert outcomes("issue") == [("overtaken", "waits for a name")]
    assert "name" in documents.waits_for(credential)
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD}))
    drain()
    assert the_document().printed["name"] == "ADA"
    assert documents.waits_for(credentials()[0]) == ""
    assert [state for state, _ in outcomes("tell issued")] == ["done"]
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD}))
    drain()
    assert len(outcomes("issue")) == 2


UNPRINTABLE = "Ada \U0010fffd"


def test_a_name_that_cannot_be_drawn_is_set_aside_at_once_and_shown() -> None:
    earned(name=UNPRINTABLE)
    drain()
    ((state, note),) = outcomes("issue")
    assert state == "set_aside"
    assert note.startswith("GlyphMissing")
    assert "Ada" not in note
    assert documents_stored() == 0
    assert documents.waits_for(credentials()[0])


def test_a_name_that_cannot_be_drawn_is_tried_again_only_when_it_is_another_one() -> None:
    course, _ = earned(name=UNPRINTABLE)
    drain()
    b.take(course, b.with_person(b.snapshot(ITEMS, {"ada": GOOD}), "ada", name=UNPRINTABLE))
    drain()
    assert len(outcomes("issue")) == 1
    b.take(course, b.with_person(b.snapshot(ITEMS, {"ada": GOOD}), "ada", name="Ada"))
    drain()
    assert the_document().printed["name"] == "Ada"
    assert db.session.scalars(select(DocumentAwaited)).all() == []


def test_a_row_that_was_set_aside_can_be_tried_again_by_hand() -> None:
    course, _ = earned(name=UNPRINTABLE)
    drain()
    b.take(course, b.with_person(b.snapshot(ITEMS, {"ada": GOOD}), "ada", name="Ada"))
    row_id = db.session.scalars(select(OutboxRow.id).where(OutboxRow.state == "set_aside")).one()
    tending.retry(row_id, actor="os:test")
    drain()
    assert the_document().printed["name"] == "Ada"
    assert ("overtaken", "its document is there already") in outcomes("issue")


def test_a_row_that_was_set_aside_needs_nobody_once_a_later_one_made_the_document() -> None:
    course, achievement = earned(name=UNPRINTABLE)
    drain()
    name_her(course, UNPRINTABLE * 2)
    assert [state for state, _ in outcomes("issue")] == ["overtaken", "set_aside"]
    b.decide(achievement, "reissue", "ada")
    name_her(course, "Ada")
    assert documents_stored() == 1
    assert "set_aside" not in [state for state, _ in outcomes("issue")]


def test_what_was_set_aside_of_another_learner_stays() -> None:
    course = b.course()
    read = b.snapshot(ITEMS, {"ada": GOOD, "bob": GOOD})
    b.take(course, b.with_person(b.with_person(read, "ada", name=UNPRINTABLE), "bob", name=UNPRINTABLE))
    b.achievement(course, b.document(distinction=85))
    drain()
    b.take(course, b.with_person(b.with_person(read, "ada", name="Ada"), "bob", name=UNPRINTABLE))
    drain()
    assert sorted(state for state, _ in outcomes("issue")) == ["done", "overtaken", "set_aside"]


def name_her(course: Course, name: str) -> None:
    b.take(course, b.with_person(b.snapshot(ITEMS, {"ada": GOOD}), "ada", name=name))
    drain()


@pytest.mark.parametrize("before", ["", UNPRINTABLE])
def test_a_name_that_a_launch_tells_leads_to_the_document_without_a_sync(client: FlaskClient, before: str) -> None:
    course, _ = earned(name=before)
    drain()
    with transaction():
        course.is_final = True
    visitor(client, course, "ada", LEARNER, name="Ada Lovelace")
    drain()
    assert the_document().printed["name"] == "Ada Lovelace"
    visitor(client, course, "ada", LEARNER, name="Ada Lovelace")
    assert len(outcomes("issue waiting")) == 2


@pytest.mark.parametrize("invisible", ["\u200b", "\u3164"])
def test_a_name_that_cannot_be_seen_does_not_take_the_place_of_one_that_can(
    client: FlaskClient, invisible: str
) -> None:
    course, _ = earned()
    visitor(client, course, "ada", LEARNER, name=invisible)
    b.take(course, b.with_person(b.snapshot(ITEMS, {"ada": GOOD}), "ada", name=invisible))
    drain()
    assert the_document().printed["name"] == "Ada Lovelace"


UNPRINTABLE_TITLE = "Biology \U0010fffd"


def rename_course(client: FlaskClient, course: Course, _: Achievement) -> None:
    visitor(client, course, "ada", LEARNER, context_title="Biology")


def rename_achievement(_: FlaskClient, course: Course, achievement: Achievement) -> None:
    with transaction():
        saving.save(achievement, b.read_rule(course, b.document(title="Biology", distinction=85)), actor="os:test")


def name_issuer(_: FlaskClient, __: Course, achievement: Achievement) -> None:
    save_design(achievement, subtitle="", issuer="University", by=("Grace Hopper", ""))


def rename_platform(_: FlaskClient, course: Course, __: Achievement) -> None:
    with transaction():
        course.registration.name = "University"
        outbox.add(*issue.waiting_courses())  # as the clock does


@pytest.mark.parametrize(
    ("course_title", "title", "platform", "change"),
    [
        (UNPRINTABLE_TITLE, "Certificate", "University", rename_course),
        ("Biology", UNPRINTABLE_TITLE, "University", rename_achievement),
        ("Biology", "Certificate", UNPRINTABLE_TITLE, name_issuer),
        ("Biology", "Certificate", UNPRINTABLE_TITLE, rename_platform),
    ],
)
def test_what_could_not_be_drawn_is_tried_again_as_soon_as_something_that_is_printed_changes(
    client: FlaskClient, course_title: str, title: str, platform: str, change: Callable[..., None]
) -> None:
    course, achievement = earned(course_title=course_title, title=title)
    with transaction():
        course.registration.name = platform
    drain()
    assert documents_stored() == 0
    b.take(course, b.with_person(b.snapshot(ITEMS, {"ada": GOOD}), "ada", name="Ada Lovelace"))
    drain()
    assert len(outcomes("issue")) == 1
    change(client, course, achievement)
    drain()
    assert documents_stored() == 1
    assert "set_aside" not in [state for state, _ in outcomes("issue")]


def test_what_changed_while_it_could_not_be_drawn_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    course, _ = earned(name=UNPRINTABLE)
    render = issue.pdf.render

    def draw_slowly(printed: Printed) -> bytes:
        if printed.name == UNPRINTABLE:
            name_her_meanwhile(course)
        return render(printed)

    monkeypatch.setattr(issue.pdf, "render", draw_slowly)
    drain()
    assert the_document().printed["name"] == "Ada"


def name_her_meanwhile(course: Course) -> None:
    """With all that follows run already, as by another worker."""
    with transaction() as session:
        session.execute(update(Member).where(Member.course_id == course.id).values(name="Ada"))
    issue.issue_waiting(course.id)


@pytest.mark.parametrize(
    ("title", "printed"),
    [
        ("📘 Biology 101", "Biology 101"),
        ("Biology 🧑‍🏫🤝🏽 101", "Biology 101"),
        ("Biology 1️⃣", "Biology 1️"),
        ("Biology™ 20 °C", "Biology™ 20 °C"),
        ("日本語📘", "日本語"),
    ],
)
def test_a_title_is_printed_without_the_emoji_that_no_font_has(title: str, printed: str) -> None:
    course, _ = earned(course_title=title, title=title)
    with transaction():
        course.registration.name = title
    drain()
    document = the_document()
    assert [document.printed[what] for what in ("title", "course", "issuer")] == [printed] * 3
    assert documents.facts_of(credentials()[0]).title == printed


@pytest.mark.parametrize(
    ("title", "course_title", "printed"),
    [("📘", "📘 Biology", "Biology"), ("📘", "📘🏫", "Certificate"), ("\u200b", "", "Certificate")],
)
def test_a_title_of_nothing_but_decoration_gives_way_to_the_course_or_to_the_plain_word(
    title: str, course_title: str, printed: str
) -> None:
    earned(course_title=course_title, title=title)
    drain()
    assert the_document().printed["title"] == printed


def test_nothing_is_left_out_of_the_name_of_a_person() -> None:
    earned(name="Ada 📘")
    drain()
    assert documents_stored() == 0
    assert "📘" in documents.waits_for(credentials()[0])


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("<b>Ada</b> &amp; <img src=x>", "<b>Ada</b> &amp; <img src=x>"),
        ("Ada\r\nLovelace\t{{ 7 * 7 }}", "Ada Lovelace {{ 7 * 7 }}"),
        ("نور الهدى", "نور الهدى"),
        ("Ada \u202ecalevoL", "Ada calevoL"),
        ("Nguyễn Thị Minh Khai", "Nguyễn Thị Minh Khai"),
    ],
)
def test_a_name_is_text_whatever_it_looks_like(name: str, printed: str) -> None:
    earned(name=name)
    drain()
    document = the_document()
    assert document.printed["name"] == printed
    assert len(PdfReader(io.BytesIO(document.pdf)).pages) == 1


def test_a_revoked_and_reopened_certificate_gets_a_credential_and_a_document_of_its_own() -> None:
    _, achievement = earned()
    drain()
    b.decide(achievement, "revoke", "ada")
    b.decide(achievement, "reopen", "ada")
    drain()
    first, second = credentials()
    assert (first.status, second.status) == ("revoked", "valid")
    assert documents_stored() == 2


def test_two_workers_with_the_same_row_store_one_document() -> None:
    earned()
    (row_id,) = db.session.scalars(select(OutboxRow.id).where(OutboxRow.job == "issue")).all()
    run.drain([row_id])
    run.drain([row_id])
    assert documents_stored() == 1
    assert len(outcomes("tell issued")) == 1


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"subtitle": "x" * 201}, "line under the title"),
        ({"issuer": "x" * 201}, "issuer"),
        ({"signatories": [Signatory("A"), Signatory("B"), Signatory("C"), Signatory("D")]}, "3 people"),
        ({"signatories": [Signatory("x" * 101)]}, "100 letters"),
        ({"logo": b"<svg onload='alert(1)'/>"}, "PNG"),
    ],
)
def test_a_design_that_cannot_be_is_refused_and_changes_nothing(changes: dict[str, Any], problem: str) -> None:
    achievement = b.achievement(b.course(), is_open=False)
    plain: dict[str, Any] = {"subtitle": "", "issuer": "Example", "signatories": (), "logo": None}
    with transaction():
        design.save(design.read(achievement, **plain))
    with pytest.raises(InputRejected, match=problem):
        design.read(achievement, **plain | changes)
    assert design.design_of(achievement).issuer == "Example"


def test_a_design_is_saved_as_it_was_read() -> None:
    achievement = b.achievement(b.course(), is_open=False)
    signing = [Signatory(" Grace\nHopper ", "Dean"), Signatory("", "nobody"), Signatory("Ada")]
    with transaction():
        design.save(design.read(achievement, subtitle=" a  b ", issuer="", signatories=signing, logo=None))
    db.session.expire_all()
    saved = design.design_of(achievement)
    assert saved.subtitle == "a b"
    assert saved.signatories == [{"name": "Grace Hopper", "role": "Dean"}, {"name": "Ada", "role": ""}]


def test_a_certificate_has_its_document_found_by_its_credential() -> None:
    _, achievement = earned()
    certificate: Certificate = b.certificate(achievement, "ada")
    (credential,) = credentials()
    assert credential.certificate_id == certificate.id
    assert documents.document_of(credential) is None
    drain()
    found = documents.document_of(credentials()[0])
    assert found is not None
    assert documents.pdf_of(found) == found.pdf
