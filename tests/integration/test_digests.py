"""Instructors are told who waits for them: once, together, and not too often."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from lti_cert.achievements.models import Achievement
from lti_cert.courses.models import Course
from lti_cert.settings import Settings
from lti_cert.sources.snapshot import Person
from tests import building as b
from tests.draining import drain, outcomes
from tests.mail_server import Mails, MailServer, text_of
from tests.visiting import visitor

pytestmark = pytest.mark.usefixtures("app")

ITEMS = {"Quiz": 20}
GOOD: dict[str, float | str] = {"Quiz": 19}
FAIR: dict[str, float | str] = {"Quiz": 13}
POOR: dict[str, float | str] = {"Quiz": 3}

TEACHER = Person("tea", b.INSTRUCTOR, "Grace Hopper", "grace@example.edu")
SECOND = Person("two", b.INSTRUCTOR | b.LEARNER, "Alan Turing", "alan@example.edu")


def course_of(scores: dict[str, dict[str, float | str]], *people: Person) -> Course:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, scores, people=people))
    return course


def achieve(course: Course, *, approval: bool = True) -> Achievement:
    return b.achievement(course, b.document(title="Certificate in Data Literacy", distinction=85, approval=approval))


@pytest.mark.each_database
def test_instructors_are_told_who_waits_at_which_level_in_one_mail(mails: Mails) -> None:
    course = course_of({"ada": GOOD, "bob": FAIR, "cyd": FAIR, "dan": POOR}, TEACHER, SECOND)
    achieve(course)
    drain()
    by_instructor = {mail["To"]: mail for mail in mails()}
    assert set(by_instructor) == {"grace@example.edu", "alan@example.edu"}
    mail = by_instructor["grace@example.edu"]
    assert mail["Subject"] == "3 certificates wait for your decision: Data Literacy"
    text = text_of(mail)
    assert "Hello Grace Hopper," in text
    assert "with distinction (1)\n  - ADA\n" in text.replace("\r", "")
    assert "completion (2)\n  - BOB\n  - CYD\n" in text.replace("\r", "")
    assert "DAN" not in text
    assert "http" not in text + text_of(mail, "html")
    assert [state for state, _ in outcomes("digest")] == ["done"]


def test_a_digest_says_what_is_held_because_so_many_came_at_once(mails: Mails) -> None:
    scores = {f"u{number:02}": FAIR for number in range(60)}
    achieve(course_of(scores, TEACHER), approval=False)
    drain()
    (mail,) = mails()
    assert mail["Subject"] == "60 certificates wait for your decision: Data Literacy"
    assert "held because so many came at once" in text_of(mail)
    assert "U39" in text_of(mail)
    assert "U40" not in text_of(mail)
    assert "and 20 more" in text_of(mail)


def test_an_instructor_gets_one_digest_in_an_interval_and_then_what_is_new(mails: Mails) -> None:
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    with time_machine.travel(start) as travel:
        course = course_of({"ada": FAIR}, TEACHER)
        achieve(course)
        drain()
        travel.shift(timedelta(minutes=5))
        b.take(course, b.snapshot(ITEMS, {"ada": FAIR, "bob": FAIR}, people=(TEACHER,)))
        drain()
        assert len(mails()) == 1
        assert outcomes("digest")[-1][0] == "waiting"
        travel.shift(timedelta(minutes=9))
        drain()
        assert len(mails()) == 1
        travel.shift(timedelta(minutes=2))
        drain()
        assert len(mails()) == 2
    text = text_of(mails()[-1])
    assert "BOB" in text
    assert "ADA" not in text
    assert "1 more has been waiting for longer" in text


def test_what_was_decided_before_the_digest_is_not_in_it(mails: Mails) -> None:
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    with time_machine.travel(start) as travel:
        course = course_of({"ada": FAIR}, TEACHER)
        achievement = achieve(course)
        drain()
        b.take(course, b.snapshot(ITEMS, {"ada": FAIR, "bob": FAIR}, people=(TEACHER,)))
        drain()
        b.decide(achievement, "approve", "ada", "bob")
        travel.shift(timedelta(minutes=16))
        drain()
    assert [mail["To"] for mail in mails()].count("grace@example.edu") == 1
    assert outcomes("digest")[-1] == ("overtaken", "nothing waits any more")


def test_a_proposal_that_rises_is_told_once_and_one_that_sinks_never(mails: Mails) -> None:
    with time_machine.travel(datetime(2026, 3, 2, 9, tzinfo=UTC)) as travel:
        course = course_of({"ada": FAIR}, TEACHER)
        achieve(course)
        drain()
        for scores in (GOOD, FAIR, GOOD, FAIR):
            travel.shift(timedelta(hours=1))
            b.take(course, b.snapshot(ITEMS, {"ada": scores}, people=(TEACHER,)))
            drain()
    assert ["distinction" in text_of(mail) for mail in mails()] == [False, True]


def test_a_proposal_that_lapsed_and_came_back_is_told_forget(mails: Mails) -> None:
    with time_machine.travel(datetime(2026, 3, 2, 9, tzinfo=UTC)) as travel:
        course = course_of({"ada": FAIR}, TEACHER)
        achieve(course)
        drain()
        for scores in (POOR, FAIR):
            travel.shift(timedelta(hours=1))
            b.take(course, b.snapshot(ITEMS, {"ada": scores}, people=(TEACHER,)))
            drain()
    assert len(mails()) == 2


def test_distinction_beside_an_earned_completion_is_in_the_digest(mails: Mails) -> None:
    with time_machine.travel(datetime(2026, 3, 2, 9, tzinfo=UTC)) as travel:
        course = course_of({"ada": FAIR}, TEACHER)
        achievement = achieve(course)
        drain()
        b.decide(achievement, "approve", "ada")
        travel.shift(timedelta(hours=1))
        b.take(course, b.snapshot(ITEMS, {"ada": GOOD}, people=(TEACHER,)))
        drain()
    digests = [text_of(mail) for mail in mails() if mail["To"] == "grace@example.edu"]
    assert "completion (1)" in digests[0]
    assert "with distinction (1)" in digests[1]


def test_only_instructors_of_the_roster_with_an_address_get_digests(mails: Mails) -> None:
    assistant = Person("ta", frozenset({"teaching_assistant"}), "T", "ta@example.edu")
    silent = Person("silent", b.INSTRUCTOR, "S")
    course = course_of({"ada": FAIR}, assistant, silent)
    achieve(course)
    drain()
    assert mails() == []
    assert outcomes("digest") == [("overtaken", "no instructor has an address")]


def test_an_instructor_who_becomes_reachable_is_told_what_waits(mails: Mails) -> None:
    scores = {"ada": FAIR}
    course = course_of(scores, Person("tea", b.INSTRUCTOR, "Grace Hopper"))
    achieve(course)
    drain()
    assert mails() == []
    for _ in range(2):
        b.take(course, b.snapshot(ITEMS, scores, people=(TEACHER,)))
        drain()
    (mail,) = mails()
    assert mail["To"] == "grace@example.edu"
    assert len(outcomes("digest")) == 2


def test_somebody_who_becomes_an_instructor_is_told_what_waits(mails: Mails) -> None:
    course = course_of({"ada": FAIR}, Person("tea", frozenset({"teaching_assistant"}), "Grace Hopper", TEACHER.email))
    achieve(course)
    drain()
    assert mails() == []
    b.take(course, b.snapshot(ITEMS, {"ada": FAIR}, people=(TEACHER,)))
    drain()
    assert [mail["To"] for mail in mails()] == ["grace@example.edu"]


def test_an_address_that_a_launch_tells_makes_an_instructor_reachable(mails: Mails, client: FlaskClient) -> None:
    course = course_of({"ada": FAIR}, Person("tea", b.INSTRUCTOR, "Grace Hopper"))
    achieve(course)
    drain()
    visitor(client, course, "tea", *b.INSTRUCTOR, email="grace@example.edu")
    drain()
    assert [mail["To"] for mail in mails()] == ["grace@example.edu"]


def test_an_address_that_is_none_keeps_nobody_else_from_being_told(mails: Mails) -> None:
    achieve(course_of({"ada": FAIR}, Person("two", b.INSTRUCTOR, "Alan Turing", "x@[y"), TEACHER))
    drain()
    assert [mail["To"] for mail in mails()] == ["grace@example.edu"]


def test_one_instructor_who_cannot_be_reached_keeps_nobody_else_from_being_told(
    app: Flask, make_settings: Callable[..., Settings], mail_server: MailServer
) -> None:
    app.extensions["settings"] = make_settings(mail_url=mail_server.url)
    mail_server.refused.add("grace@example.edu")
    with time_machine.travel(datetime(2026, 3, 2, 9, tzinfo=UTC)) as travel:
        achieve(course_of({"ada": FAIR}, TEACHER, SECOND))
        drain()
        assert [mail["X-RcptTo"] for mail in mail_server.messages] == ["alan@example.edu"]
        ((state, note),) = outcomes("digest")
        assert (state, note) == ("waiting", "MailNotSent: the mail server refuses the recipient: [550]")
        mail_server.refused.clear()
        travel.shift(timedelta(minutes=1))
        drain()
    assert [mail["X-RcptTo"] for mail in mail_server.messages] == ["alan@example.edu", "grace@example.edu"]
