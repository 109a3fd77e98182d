"""Whatever a course holds and whatever happens while AGS and NRPS are read: the mirror is the course, or what it was
before together with a reason, and certificates are those of the last complete reading.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from urllib3.util.retry import Retry

from lti_cert.core import current
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course, LineItem, Member, Result, SyncRun
from lti_cert.demo import course as demo
from lti_cert.demo import serving
from lti_cert.demo.claims import resource_link_request
from lti_cert.demo.faults import Endpoint, Fault
from lti_cert.demo.platform import Lms, SigningKey, Tool
from lti_cert.launch import session
from lti_cert.lti import claims
from lti_cert.lti.models import Registration
from lti_cert.sources.snapshot import Item, Person, Score, Snapshot, millionths
from tests import building as b
from tests import misfortunes
from tests.deciding import Decided, rules
from tests.misfortunes import Fate, befall, have_short_memory, is_only_passing
from tests.served_keys import served_keys

pytestmark = pytest.mark.each_database

WHO = [f"u{number}" for number in range(6)]
WHAT = [f"i{number}" for number in range(4)]

# ------------------------------------------------------------------------------------------------ courses


@dataclass
class Drawn:
    """A course as it stands in the LMS."""

    maxima: dict[str, float]
    scores: dict[tuple[str, str], float]
    status: dict[str, str]
    """Of each learner in the roster."""
    assistants: set[str] = field(default_factory=set)

    def course(self, context_id: str) -> demo.Course:
        made = demo.Course(context_id, "By chance", "CHANCE")
        made.add_members([demo.Member(demo.Person("tess", "Tess"), demo.INSTRUCTOR)])
        for who, status in self.status.items():
            roles = demo.TEACHING_ASSISTANT if who in self.assistants else demo.LEARNER
            made.add_members([demo.Member(demo.Person(who, who.upper()), roles, status=status)])
        for what, maximum in self.maxima.items():
            made.put_line_item(demo.LineItem(what, what, maximum))
        for (who, what), score in self.scores.items():
            made.set_score(who, what, score)
        return made

    # The specification, read slowly.

    @property
    def people(self) -> set[str]:
        return {who for who, status in self.status.items() if status == "Active"}

    @property
    def learners(self) -> set[str]:
        return self.people - self.assistants

    def results(self) -> dict[tuple[str, str], int]:
        return {
            (who, what): millionths(score)
            for (who, what), score in self.scores.items()
            if who in self.people and self.maxima[what] > 0
        }

    def snapshot(self) -> Snapshot:
        """Of those who are judged."""
        return Snapshot(
            [Item(what, what, millionths(maximum)) for what, maximum in self.maxima.items()],
            [Person(who, b.LEARNER) for who in self.learners],
            {what: [Score(who, points) for (who, of), points in self.results().items() if of == what] for what in WHAT},
        )


@st.composite
def scores(draw: st.DrawFn, maxima: dict[str, float]) -> dict[tuple[str, str], float]:
    """Of people who are gone too: they stay in real gradebooks."""
    shares = st.sampled_from([None, 0, 0.29, 0.3, 0.59999, 0.6, 0.849, 0.85, 1, 1.2])
    drawn = {(who, what): draw(shares) for who in WHO for what in maxima}
    return {(who, what): share * maxima[what] for (who, what), share in drawn.items() if share is not None}


@st.composite
def courses(draw: st.DrawFn) -> Drawn:
    items = draw(st.lists(st.sampled_from(WHAT), unique=True, min_size=draw(st.sampled_from([0, 3, 3]))))
    maxima = {what: draw(st.sampled_from([0, 1, 12.5, 100])) for what in items}
    return Drawn(
        maxima=maxima,
        scores=draw(scores(maxima)),
        status={
            who: draw(st.sampled_from(["Active", "Active", "Active", "Inactive"]))
            for who in draw(st.lists(st.sampled_from(WHO), unique=True, min_size=draw(st.sampled_from([0, 4, 4]))))
        },
        assistants=draw(st.sets(st.sampled_from(WHO), max_size=1)),
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[Drawn, Drawn]:
    """A course, and what became of it: often only its scores have changed."""
    first = draw(courses())
    if draw(st.sampled_from([False, False, True])):
        return first, draw(courses())
    return first, replace(first, scores=draw(scores(first.maxima)))


# ------------------------------------------------------------------------------------------------ misfortunes

PASSING = {
    **misfortunes.PASSING,
    "slow by 503": Fault(status=503, headers={"Retry-After": "60"}),
    "token dead": Fault(status=401, body="{}", headers={"WWW-Authenticate": "Bearer"}),
}
LASTING = {
    **misfortunes.LASTING,
    "an error for long": Fault(status=500, body="<title>Out of memory</title>"),
    "forbidden": Fault(status=403, body="{}"),
}
fates = misfortunes.fates(
    [Endpoint.LINE_ITEMS, Endpoint.RESULTS, Endpoint.RESULTS, Endpoint.MEMBERSHIPS],
    passing=PASSING,
    lasting=LASTING,
    latest=2,
)

# ------------------------------------------------------------------------------------------------ what must hold


@dataclass
class World:
    lms: Lms
    registration_id: int
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def new_course(self) -> tuple[str, Course]:
        """A launch tells where its services are."""
        context_id = f"course-{next(self.numbers)}"
        self.hold(context_id, Drawn({}, {}, {}))
        launch, member = self.lms.begin_launch("tess"), self.lms.courses[0].member("tess")
        assert member
        said = claims.read(resource_link_request(self.lms, launch, member, nonce=""))
        with transaction() as rows:
            begun = session.begin(rows.get_one(Registration, self.registration_id), said)
        assert begun
        return context_id, db.session.get_one(Course, begun.course_id)

    def hold(self, context_id: str, drawn: Drawn) -> None:
        self.lms.courses[:] = [drawn.course(context_id)]


@pytest.fixture
def world(app: Flask, signing_keys: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    assert app
    monkeypatch.setattr(Retry, "sleep", lambda *_: None)  # no pauses between tries
    with served_keys(signing_keys) as jwks_url:
        at = replace(Tool.at(current.settings().base_url), jwks_url=jwks_url)
        with serving.running_lms(lms := Lms([Drawn({}, {}, {}).course("")], [at], keys=[SigningKey()])) as url:
            platform = b.registration(url, client_id=at.client_id, token_url=lms.token_url)
            yield World(lms, platform.id)


def sync_to_its_end(course: Course) -> SyncRun:
    with transaction():
        course.registration.slowed_until = None  # what slowed the platform down before is long over
    return b.sync_to_its_end(course.id, course.registration_id)


def mirrored(course: Course) -> tuple[dict[str, int], set[str], dict[tuple[str, str], int | None]]:
    items = select(LineItem.label, LineItem.maximum).where(
        LineItem.course_id == course.id, LineItem.removed_at.is_(None)
    )
    people = select(Member.user_id).where(Member.course_id == course.id, Member.in_roster, Member.user_id != "tess")
    results = (
        select(Member.user_id, LineItem.label, Result.score)
        .join(Result, Result.member_id == Member.id)
        .join(LineItem, LineItem.id == Result.line_item_id)
        .where(Member.course_id == course.id, Member.in_roster, LineItem.removed_at.is_(None))
    )
    return (
        {label: maximum for label, maximum in db.session.execute(items)},
        set(db.session.scalars(people)),
        {(who, what): score for who, what, score in db.session.execute(results)},
    )


def expected(drawn: Drawn) -> tuple[dict[str, int], set[str], dict[tuple[str, str], int]]:
    return {what: millionths(maximum) for what, maximum in drawn.maxima.items()}, drawn.people, drawn.results()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(history=histories(), fate=fates, page_size=st.sampled_from([1, 2, 100]), rule=rules(WHAT))
def test_mirror_and_certificates_follow_the_newest_complete_reading(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    history: tuple[Drawn, Drawn],
    fate: Fate,
    page_size: int,
    rule: dict[str, Any],
) -> None:
    first, second = history
    have_short_memory(monkeypatch, is_short=page_size < 100)
    world.lms.page_size = page_size
    world.lms.faults.clear()
    context_id, course = world.new_course()
    world.hold(context_id, first)
    assert sync_to_its_end(course).outcome == "stored"
    assert mirrored(course) == expected(first)
    decided = Decided(course, rule, first.snapshot())

    world.hold(context_id, second)
    befall(world.lms, fate)
    run = sync_to_its_end(course)
    event(run.outcome)
    if run.outcome == "stored":
        assert mirrored(course) == expected(second)
        decided.follow(second.snapshot())
    else:
        assert run.reason
        assert run.outcome == "held" or not is_only_passing(fate)
        assert mirrored(course) == expected(first)
        decided.follow(first.snapshot())
