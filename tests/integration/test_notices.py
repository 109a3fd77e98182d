"""What learners are told, and when not: every mail here comes out of the real job, by file or by SMTP."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from lti_cert.achievements.models import Achievement
from lti_cert.certificates.models import Credential
from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course
from lti_cert.lti.claims import LEARNER
from lti_cert.notices import notify
from lti_cert.notices.models import Notice
from lti_cert.settings import Settings
from lti_cert.sources.snapshot import Person
from tests import building as b
from tests.draining import drain, drain_only, forget, outcomes
from tests.mail_server import Mails, MailServer, read_mail, text_of
from tests.visiting import visitor

pytestmark = pytest.mark.usefixtures("app")

ITEMS = {"Quiz": 20}
GOOD: dict[str, float | str] = {"Quiz": 19}
FAIR: dict[str, float | str] = {"Quiz": 13}

TEACHER = Person("tea", b.INSTRUCTOR, "Grace Hopper", "grace@example.edu")


def course_of(scores: dict[str, dict[str, float | str]], *people: Person, title: str = "Data Literacy") -> Course:
    course = b.course(title=title)
    b.take(course, b.snapshot(ITEMS, scores, people=people))
    return course


def achieve(course: Course, *, approval: bool = False, title: str = "Certificate in Data Literacy") -> Achievement:
    return b.achievement(course, b.document(title=title, distinction=85, approval=approval))


def newest_credential() -> Credential:
    db.session.rollback()
    return db.session.scalars(select(Credential).order_by(Credential.id.desc()).limit(1)).one()


def test_a_learner_is_told_of_her_certificate_with_her_private_link(mails: Mails) -> None:
    achieve(course_of({"ada": FAIR}))
    drain()
    (mail,) = mails()
    credential = newest_credential()
    assert mail["To"] == "ada@example.edu"
    assert mail["Subject"] == "Your certificate of completion: Data Literacy"
    assert mail["Message-ID"] == f"<certificate-{credential.certificate_id}-{credential.number}-earned@localhost>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "en"
    assert abs(mail["Date"].datetime - clock.now()) < timedelta(minutes=5)
    for subtype in ("plain", "html"):
        text = text_of(mail, subtype)
        assert f"http://localhost:8400/certificates/{credential.holder_key}" in text
        assert f"http://localhost:8400/verify/{credential.public_id}" in text
        assert "certificate of completion" in text
        assert "Certificate in Data Literacy" in text
        assert "distinction" not in text


def test_distinction_is_named_where_it_was_earned_and_only_there(mails: Mails) -> None:
    achieve(course_of({"ada": GOOD, "bob": FAIR}))
    drain()
    by_learner = {mail["To"]: mail for mail in mails()}
    assert by_learner["ada@example.edu"]["Subject"] == "Your certificate with distinction: Data Literacy"
    assert "with distinction" in text_of(by_learner["ada@example.edu"])
    assert "distinction" not in text_of(by_learner["bob@example.edu"])


def test_an_upgrade_and_a_reissue_are_told_as_what_they_are(mails: Mails) -> None:
    course = course_of({"ada": FAIR})
    achievement = achieve(course)
    drain()
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD}))
    drain()
    b.decide(achievement, "reissue", "ada")
    drain()
    assert [mail["Subject"].partition(":")[0] for mail in mails()] == [
        "Your certificate of completion",
        "Your certificate is now with distinction",
        "Your certificate was issued anew",
    ]
    assert "certificate with distinction" in text_of(mails()[2])
    assert newest_credential().holder_key in text_of(mails()[2])


def test_a_learner_who_never_heard_of_the_first_one_is_told_of_the_second_as_earned(mails: Mails) -> None:
    course = course_of({"ada": FAIR})
    achievement = achieve(course)
    b.evaluate(course)
    b.decide(achievement, "reissue", "ada")
    drain()
    (mail,) = mails()
    assert mail["Subject"] == "Your certificate of completion: Data Literacy"
    assert outcomes("issue")[0] == ("overtaken", "the credential is superseded")


def test_a_document_that_was_overtaken_before_the_mail_went_out_is_not_told(mails: Mails) -> None:
    achievement = achieve(course_of({"ada": FAIR}))
    drain_only("evaluate", "issue")
    b.decide(achievement, "revoke", "ada")
    drain()
    assert outcomes("tell issued") == [("overtaken", "the credential is revoked")]
    assert [mail["Subject"] for mail in mails()] == ["Your certificate was revoked: Data Literacy"]


def test_a_denial_is_told_with_its_reason(mails: Mails) -> None:
    achievement = achieve(course_of({"ada": FAIR}), approval=True)
    drain()
    b.decide(achievement, "deny", "ada", reason="The project is missing.\n<b>See</b> the syllabus.")
    drain()
    (mail,) = mails()
    assert mail["Subject"] == "Your certificate was not approved: Data Literacy"
    assert "The project is missing." in text_of(mail)
    assert "<b>See</b>" in text_of(mail)
    assert "&lt;b&gt;See&lt;/b&gt;" in text_of(mail, "html")


def test_a_denial_is_not_told_where_the_instructor_chose_so(mails: Mails) -> None:
    achievement = achieve(course_of({"ada": FAIR}), approval=True)
    drain()
    b.decide(achievement, "deny", "ada", is_told=False)
    drain()
    assert mails() == []


def test_a_denied_distinction_leaves_completion_and_says_so(mails: Mails) -> None:
    course = course_of({"ada": FAIR})
    achievement = achieve(course, approval=True)
    drain()
    b.decide(achievement, "approve", "ada")
    drain()
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD}))
    drain()
    b.decide(achievement, "deny", "ada", reason="Handed in late")
    drain()
    mail = mails()[-1]
    assert mail["Subject"] == "Distinction was not approved: Data Literacy"
    assert "certificate of completion stays valid" in text_of(mail)
    assert "Handed in late" in text_of(mail)


def test_a_denial_that_was_lifted_before_the_mail_went_out_is_not_told(mails: Mails) -> None:
    achievement = achieve(course_of({"ada": FAIR}), approval=True)
    drain()
    b.decide(achievement, "deny", "ada")
    b.decide(achievement, "reopen", "ada")
    drain()
    assert outcomes("tell denied") == [("overtaken", "the certificate is pending by now")]
    b.decide(achievement, "deny", "ada", reason="Still missing")
    drain()
    (mail,) = mails()
    assert "Still missing" in text_of(mail)


def test_a_revocation_is_told_with_its_reason(mails: Mails) -> None:
    achievement = achieve(course_of({"ada": FAIR}))
    drain()
    b.decide(achievement, "revoke", "ada", reason="The quiz was copied")
    drain()
    mail = mails()[-1]
    assert mail["Subject"] == "Your certificate was revoked: Data Literacy"
    assert "The quiz was copied" in text_of(mail)


def test_a_revocation_that_was_lifted_before_the_mail_went_out_is_not_told(mails: Mails) -> None:
    achievement = achieve(course_of({"ada": FAIR}))
    drain()
    b.decide(achievement, "revoke", "ada")
    b.decide(achievement, "reopen", "ada")
    drain()
    assert outcomes("tell revoked") == [("overtaken", "the certificate is earned by now")]
    assert [mail["Subject"].partition(":")[0] for mail in mails()] == [
        "Your certificate of completion",
        "Your certificate was issued anew",
    ]


@pytest.mark.parametrize("email", ["", "nobody", "a@b.example, eve@example.edu", "a@b.example\r\nBcc: eve@example.edu"])
def test_who_has_no_address_is_not_written_to(mails: Mails, email: str) -> None:
    course = b.course()
    b.take(course, b.with_person(b.snapshot(ITEMS, {"ada": FAIR}), "ada", email=email))
    achieve(course)
    drain()
    assert mails() == []
    assert outcomes("tell issued") == [("overtaken", "no address that mail can be sent to")]


def unreachable() -> Course:
    """A course in which somebody without an address has earned a certificate whose document is made."""
    course = b.course()
    b.take(course, b.with_person(b.snapshot(ITEMS, {"ada": FAIR}), "ada", email=""))
    achieve(course)
    drain()
    return course


@pytest.mark.each_database
def test_an_address_that_a_sync_brings_later_leads_to_the_mail_once(mails: Mails) -> None:
    course = unreachable()
    assert mails() == []
    for _ in range(2):
        b.take(course, b.snapshot(ITEMS, {"ada": FAIR}))
        drain()
    (mail,) = mails()
    assert mail["Subject"] == "Your certificate of completion: Data Literacy"
    b.take(course, b.with_person(b.snapshot(ITEMS, {"ada": FAIR}), "ada", email="other@example.edu"))
    drain()
    assert len(mails()) == 1


def test_an_address_that_a_launch_tells_leads_to_the_mail(mails: Mails, client: FlaskClient) -> None:
    visitor(client, unreachable(), "ada", LEARNER, email="ada@example.edu")
    drain()
    assert [mail["To"] for mail in mails()] == ["ada@example.edu"]


def test_an_address_that_comes_when_the_document_is_old_leads_to_no_mail(mails: Mails) -> None:
    course = unreachable()
    with time_machine.travel(clock.now() + notify.LATE + timedelta(minutes=1)):
        b.take(course, b.snapshot(ITEMS, {"ada": FAIR}))
        drain()
    assert mails() == []
    assert outcomes("tell late") == [("overtaken", "there is nothing that she has not been told")]


def test_an_address_that_comes_after_the_certificate_was_revoked_leads_to_no_mail(mails: Mails) -> None:
    course = b.course()
    b.take(course, b.with_person(b.snapshot(ITEMS, {"ada": FAIR}), "ada", email=""))
    achievement = achieve(course)
    drain()
    b.decide(achievement, "revoke", "ada")
    drain()
    b.take(course, b.snapshot(ITEMS, {"ada": FAIR}))
    drain()
    assert mails() == []


HOSTILE = "<script>alert(1)</script>\r\nBcc: eve@example.edu\r\n\r\nDear all \u202elive"


def test_names_and_titles_are_text_in_every_part_of_a_mail(mails: Mails) -> None:
    course = b.course(title=HOSTILE)
    teacher = replace(TEACHER, name=HOSTILE)
    b.take(course, b.with_person(b.snapshot(ITEMS, {"ada": FAIR}, people=(teacher,)), "ada", name=HOSTILE))
    achievement = achieve(course, approval=True, title=f"{HOSTILE[:60]}")
    drain()
    b.decide(achievement, "approve", "ada")
    drain()
    b.decide(achievement, "revoke", "ada", reason=HOSTILE)
    drain()
    assert len(mails()) == 3
    for mail in mails():
        assert mail["To"] in {"ada@example.edu", "grace@example.edu"}
        assert mail["Bcc"] is None
        assert not mail.defects
        assert "\n" not in mail["Subject"]
        assert "\u202e" not in text_of(mail) + text_of(mail, "html") + mail["Subject"]
        assert "<script>" not in text_of(mail, "html")
        assert not any(line.startswith("Bcc:") for line in text_of(mail).splitlines())
    assert "Dear all live" in mails()[0]["Subject"]


def test_a_right_to_left_name_is_kept_apart_from_the_text_around_it(mails: Mails) -> None:
    course = b.course()
    b.take(course, b.with_person(b.snapshot(ITEMS, {"ada": FAIR}), "ada", name="نور الهدى"))
    achieve(course)
    drain()
    (mail,) = mails()
    assert "<bdi>نور الهدى</bdi>" in text_of(mail, "html")
    assert "Hello نور الهدى," in text_of(mail)


@pytest.mark.parametrize("job", ["tell issued", "tell denied", "tell revoked", "digest"])
def test_no_job_tells_anybody_twice(mails: Mails, settings: Settings, job: str) -> None:
    achievement = achieve(course_of({"ada": FAIR, "bob": FAIR}, TEACHER), approval=True)
    drain()
    b.decide(achievement, "approve", "ada")
    b.decide(achievement, "deny", "bob")
    drain()
    b.decide(achievement, "revoke", "ada")
    drain()
    assert len(mails()) == 4
    for file in (settings.data_dir / "mail").iterdir():
        file.unlink()
    forget(job)
    drain()
    assert mails() == []
    assert {state for state, _ in outcomes(job)} == {"overtaken"}


def test_mails_reach_a_mail_server(app: Flask, make_settings: Callable[..., Settings], mail_server: MailServer) -> None:
    app.extensions["settings"] = make_settings(mail_url=mail_server.url, mail_from="Certificates <c@example.edu>")
    achieve(course_of({"ada": GOOD}, title="Größe & Maß"))
    drain()
    (received,) = mail_server.messages
    mail = read_mail(received.as_bytes())
    assert mail["X-MailFrom"] == "c@example.edu"
    assert mail["X-RcptTo"] == "ada@example.edu"
    assert mail["Subject"] == "Your certificate with distinction: Größe & Maß"
    assert "Größe & Maß" in text_of(mail)
    assert "Größe &amp; Maß" in text_of(mail, "html")


def test_a_mail_server_that_is_down_is_tried_again_later(
    app: Flask, make_settings: Callable[..., Settings], mail_server: MailServer, free_port: Callable[[], int]
) -> None:
    app.extensions["settings"] = make_settings(mail_url=f"smtp://127.0.0.1:{free_port()}")
    with time_machine.travel(datetime(2026, 3, 2, 9, tzinfo=UTC)) as travel:
        achieve(course_of({"ada": GOOD}))
        drain()
        ((state, note),) = outcomes("tell issued")
        assert (state, note) == ("waiting", "MailNotSent: nothing could be handed to 127.0.0.1: ConnectionRefusedError")
        assert db.session.scalar(select(func.count()).select_from(Notice)) == 0
        app.extensions["settings"] = make_settings(mail_url=mail_server.url)
        travel.shift(timedelta(minutes=1))
        drain()
    assert len(mail_server.messages) == 1


def test_a_crash_between_mail_and_memory_sends_the_same_mail_forget(
    app: Flask, make_settings: Callable[..., Settings], mail_server: MailServer
) -> None:
    app.extensions["settings"] = make_settings(mail_url=mail_server.url)
    achieve(course_of({"ada": GOOD}))
    drain()
    with transaction() as session:
        session.delete(session.scalars(select(Notice)).one())
    forget("tell issued")
    drain()
    first, second = mail_server.messages
    assert first["Message-ID"] == second["Message-ID"]
