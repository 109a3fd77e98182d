"""Random courses and random lives, held against slow and obvious readings of the specification."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from lti_cert.achievements import saving
from lti_cert.achievements.events import AchievementChanged
from lti_cert.certificates import approval, reading
from lti_cert.certificates.events import (
    CertificateAwarded,
    CertificateDenied,
    CertificateProposed,
    CertificateRevoked,
)
from lti_cert.certificates.models import Certificate, CertificateMove, Credential
from lti_cert.core import ids
from lti_cert.core.database import db, transaction
from lti_cert.courses.events import CourseSynced, EvidenceChanged
from lti_cert.courses.models import Course
from lti_cert.issuing.models import Document
from lti_cert.outbox.models import OutboxRow
from lti_cert.outbox.outbox import Job, JobMap
from lti_cert.sources.snapshot import Item, Person, Score, Snapshot, millionths
from tests import building as b
from tests.deciding import about, rules
from tests.draining import drain
from tests.reading_aloud import obvious_level

pytestmark = [pytest.mark.each_database, pytest.mark.usefixtures("app")]

by_chance = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

# ------------------------------------------------------------------------------------------------ one evaluation

points = st.decimals(0, 120, places=2)
maxima = st.sampled_from([0, 1, 3, 10, 20, 50, 100, 12.5])
roles = st.sampled_from(
    [b.LEARNER, b.LEARNER, b.LEARNER, b.INSTRUCTOR, b.LEARNER | {"teaching_assistant"}, frozenset()]
)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    items = [
        Item(
            f"i{n}", f"Item {n}", millionths(draw(maxima)), draw(st.sampled_from(["", "", "", "total", "unpublished"]))
        )
        for n in range(draw(st.integers(0, 5)))
    ]
    people = [Person(f"u{n}", draw(roles), f"Name {n}") for n in range(draw(st.integers(0, 5)))]
    scores: dict[str, list[Score]] = {}
    for item in items:
        for person in people:
            match draw(st.sampled_from(["none", "excused", "near", "any", "any"])):
                case "excused":
                    scores.setdefault(item.ref, []).append(Score(person.user_id, None))
                case "near":  # at a bar, or a millionth beside it
                    bar = item.maximum * draw(st.sampled_from([60, 85, 29])) // 100 + draw(st.sampled_from([-1, 0, 1]))
                    scores.setdefault(item.ref, []).append(Score(person.user_id, max(bar, 0)))
                case "any":
                    scores.setdefault(item.ref, []).append(Score(person.user_id, millionths(draw(points))))
    return Snapshot(items, people, scores)


@given(read=snapshots(), rule=rules(["i0", "i1", "i2"]))
@by_chance
def test_sync_and_evaluation_agree_with_the_specification_read_aloud(read: Snapshot, rule: dict[str, Any]) -> None:
    rule = about(rule, read)
    course = b.course(b.registration(f"https://{ids.random_id()}.example"))
    b.take(course, read)
    b.achievement(course, rule)
    b.evaluate(course)
    members = reading.export(course)["achievements"][0]["members"]
    assert {m["user_id"]: m["level"] for m in members} == {
        person.user_id: obvious_level(read, rule, person.user_id) for person in read.people if person.roles == b.LEARNER
    }


# ------------------------------------------------------------------------------------------------- a whole life

# What an evaluation makes of a certificate, by what is met (–, C, D) without approval and with it; "x" marks a denied
# distinction.
LIFE = {
    #        off: –     C      D      on: –      C       D
    "n": {"off": ("n", "eC", "eD"), "on": ("n", "pC", "pD")},
    "pC": {"off": ("n", "eC", "eD"), "on": ("n", "pC", "pD")},
    "pD": {"off": ("n", "eC", "eD"), "on": ("n", "pC", "pD")},
    "eC": {"off": ("eC", "eC", "eD"), "on": ("eC", "eC", "eC+pD")},
    "eC+pD": {"off": ("eC", "eC", "eD"), "on": ("eC", "eC", "eC+pD")},
    "eCx": {"off": ("eCx", "eCx", "eCx"), "on": ("eCx", "eCx", "eCx")},
    "eD": {"off": ("eD", "eD", "eD"), "on": ("eD", "eD", "eD")},
    "d": {"off": ("d", "d", "d"), "on": ("d", "d", "d")},
    "r": {"off": ("r", "r", "r"), "on": ("r", "r", "r")},
}
DECISIONS = {
    "approve": {"pC": "eC", "pD": "eD", "eC+pD": "eD"},
    "deny": {"n": "d", "pC": "d", "pD": "d", "eC+pD": "eCx"},
    "grant": {"n": "eC", "pC": "eC", "pD": "eC"},
    "grant distinction": {"n": "eD", "pC": "eD", "pD": "eD", "eC": "eD", "eC+pD": "eD", "eCx": "eD"},
    "revoke": {"eC": "r", "eD": "r", "eC+pD": "r", "eCx": "r"},
    "reopen": {"d": "n", "r": "n"},
    "reissue": {"eC": "eC", "eD": "eD", "eC+pD": "eC+pD", "eCx": "eCx"},
}
SCORES = {"–": 0, "C": 70, "D": 95}
PEOPLE = ("ada", "bob", "cyd")

steps = st.one_of(
    st.tuples(st.just("sync"), st.fixed_dictionaries({u: st.sampled_from(["–", "C", "D", "gone"]) for u in PEOPLE})),
    st.tuples(st.just("decide"), st.tuples(st.sampled_from(sorted(DECISIONS)), st.sampled_from(PEOPLE), st.booleans())),
    st.tuples(st.just("approval"), st.booleans()),
    st.tuples(st.just("status"), st.sampled_from(["open", "open", "closed"])),
)


class Expected:
    """What the table says should be, kept by hand."""

    def __init__(self) -> None:
        self.state = dict.fromkeys(PEOPLE, "n")
        self.score = dict.fromkeys(PEOPLE, "–")
        self.approval = "on"
        self.is_open = True
        self.effects: Counter[str] = Counter()

    def move(self, person: str, to: str) -> None:
        before, self.state[person] = self.state[person], to
        if "p" in to and ("p" not in before or (before, to) == ("pC", "pD")):
            self.effects["CertificateProposed"] += 1
        if to.startswith("e") and to.rstrip("x").split("+")[0] != before.rstrip("x").split("+")[0]:
            self.effects["CertificateAwarded"] += 1
        if to in {"d", "eCx"} and before != to:
            self.effects["CertificateDenied"] += 1
        if to == "r" and before != to:
            self.effects["CertificateRevoked"] += 1

    def evaluate(self) -> None:
        for person in PEOPLE:
            self.evaluate_one(person)

    def evaluate_one(self, person: str) -> None:
        if self.is_open and self.score[person] != "gone":
            met = ("–", "C", "D").index(self.score[person])
            self.move(person, LIFE[self.state[person]][self.approval][met])


def shown(course: Course, user_id: str) -> str:
    achievement = saving.of_course(course.id)[0]
    certificate = b.certificate(achievement, user_id)
    letter = {"completion": "C", "distinction": "D", None: ""}
    pending = "p" + letter[certificate.pending_level] if certificate.pending_level else ""
    match certificate.state:
        case "earned":
            earned = "e" + letter[certificate.level]
            return earned + ("+" + pending if pending else "") + ("x" if certificate.is_distinction_denied else "")
        case "pending":
            return pending
        case state:
            return state[0]


@pytest.fixture
def effects(app: Flask) -> None:
    """One outbox row for each thing that somebody is to be told or given, so that the rows can be counted."""
    job = Job("effect", lambda **_: None, takes=("certificate_id", "version"))
    certificates = (CertificateProposed, CertificateAwarded, CertificateDenied, CertificateRevoked)
    others = dict.fromkeys((CourseSynced, EvidenceChanged, AchievementChanged), ())
    app.extensions["jobs"] = JobMap(after=others | dict.fromkeys(certificates, (job,)))


@pytest.mark.usefixtures("effects")
@given(st.lists(steps, min_size=3, max_size=14))
@by_chance
def test_no_sequence_of_events_leads_where_the_table_does_not(sequence: list[tuple[str, Any]]) -> None:
    before = Counter(_promised())
    course = b.course(b.registration(f"https://{ids.random_id()}.example"))
    b.take(course, b.snapshot({"Quiz": 100}, {person: {"Quiz": 0} for person in PEOPLE}))
    achievement = b.achievement(course, b.document(completion=60, distinction=85, approval=True))
    b.evaluate(course)
    expected = Expected()
    for kind, what in sequence:
        match kind:
            case "sync":
                present = {person: {"Quiz": SCORES[what[person]]} for person in PEOPLE if what[person] != "gone"}
                b.take(course, b.snapshot({"Quiz": 100}, present))
                expected.score = dict(what)
            case "approval":
                rule = b.read_rule(course, b.document(completion=60, distinction=85, approval=what))
                with transaction():
                    saving.save(achievement, rule, actor="os:test")
                expected.approval = "on" if what else "off"
            case "status":
                with transaction():
                    saving.open_(achievement) if what == "open" else saving.close(achievement)
                expected.is_open = what == "open"
            case "decide":
                _decide(achievement, expected, *what)
        b.evaluate(course)
        expected.evaluate()
        assert {person: shown(course, person) for person in PEOPLE} == expected.state, (kind, what)
        _check_flags(achievement, expected)
    assert Counter(_promised()) - before == +expected.effects


def _decide(achievement: Any, expected: Expected, action: str, person: str, is_stale: bool) -> None:
    verb, _, level = action.partition(" ")
    certificate = b.certificate(achievement, person)
    version = certificate.version - 1 if is_stale else certificate.version
    with transaction():
        decided = approval.decide(
            achievement,
            verb,
            {certificate.id: version},
            actor="member:1",
            reason="because",
            level=level or None,  # type: ignore[arg-type]
        )
    to = None if is_stale else DECISIONS[action].get(expected.state[person])
    assert bool(decided.done) is (to is not None)
    if to is not None:
        if verb == "reissue":
            expected.effects["CertificateAwarded"] += 1
        expected.move(person, to)
        if verb == "reopen":
            expected.evaluate_one(person)


def _check_flags(achievement: Any, expected: Expected) -> None:
    for person in PEOPLE:
        certificate = b.certificate(achievement, person)
        if expected.score[person] == "gone" or not expected.is_open:
            continue
        falls_short = expected.state[person][0] == "e" and ("–CD".index(expected.score[person])) < "–CD".index(
            expected.state[person][1]
        )
        assert certificate.no_longer_met is (falls_short and not certificate.is_granted)
        assert not certificate.left_course


def _promised() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(OutboxRow.event)))


# ------------------------------------------------------------------------------------------ documents and mails

WRITTEN_OF = {
    "earned": {"earned"},
    "upgraded": {"earned"},
    "reissued": {"earned"},
    "denied": {"denied", "earned"},  # of distinction only, what is earned stays
    "revoked": {"revoked"},
}
"""Which state a certificate moved to when a mail of each kind about that move may be written."""


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@example(
    [
        ("sync", {"ada": "–", "bob": "D", "cyd": "–"}),
        ("decide", ("grant", "bob", False)),
        ("decide", ("deny", "bob", True)),
        ("decide", ("deny", "bob", False)),
    ]
)
@given(st.lists(st.one_of(steps, st.just(("work", None))), min_size=4, max_size=14))
def test_documents_and_mails_follow_nothing_but_the_moves(make_settings: Any, sequence: list[tuple[str, Any]]) -> None:
    course = b.course(b.registration(f"https://{ids.random_id()}.example"))
    b.take(course, b.snapshot({"Quiz": 100}, {person: {"Quiz": 0} for person in PEOPLE}))
    achievement = b.achievement(course, b.document(completion=60, distinction=85, approval=True))
    b.evaluate(course)
    for kind, what in sequence:
        match kind:
            case "sync":
                present = {person: {"Quiz": SCORES[what[person]]} for person in PEOPLE if what[person] != "gone"}
                b.take(course, b.snapshot({"Quiz": 100}, present))
            case "decide":
                _decide_if_possible(achievement, *what)
            case "work":
                drain()
    drain()
    _check_documents(achievement.id)
    _check_mails(achievement.id, make_settings().data_dir / "mail")


def _decide_if_possible(achievement: Any, action: str, person: str, _is_stale: bool) -> None:
    verb, _, level = action.partition(" ")
    b.evaluate(achievement.course)
    b.decide(achievement, verb, person, level=level or None)


def _check_documents(achievement_id: int) -> None:
    """Every valid credential has its document; one that was overtaken before may have none."""
    rows = db.session.execute(
        select(Credential.status, Certificate.state, Document.credential_id)
        .join(Certificate, Certificate.id == Credential.certificate_id)
        .outerjoin(Document, Document.credential_id == Credential.id)
        .where(Certificate.achievement_id == achievement_id)
    ).all()
    for status, state, document in rows:
        assert state == "earned" or status != "valid"
        assert document is not None or status != "valid"


def _check_mails(achievement_id: int, folder: Path) -> None:
    logged: dict[tuple[int, int], list[CertificateMove]] = {}
    for move in db.session.scalars(
        select(CertificateMove).join(Certificate).where(Certificate.achievement_id == achievement_id)
    ):
        logged.setdefault((move.certificate_id, move.version), []).append(move)
    certificates = {certificate_id for certificate_id, _ in logged}
    for file in folder.glob("certificate-*.eml"):
        _, certificate_id, version, kind = file.stem.split("-", 3)
        if int(certificate_id) in certificates:
            assert any(
                move.to_state in WRITTEN_OF[kind] and (kind == "denied") == (move.action == "deny")
                for move in logged[int(certificate_id), int(version)]
            ), file.name
