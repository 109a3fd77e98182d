"""The course that is measured: 10,000 members, 100 items, every member graded in every item."""

from itertools import chain

from sqlalchemy import select

from lti_cert.core import bulk, clock
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course, LineItem, Member, Result
from lti_cert.lti.models import Registration
from lti_cert.sources.snapshot import MILLIONTHS

MEMBERS = 10_000
ITEMS = 100
MAXIMUM = 100 * MILLIONTHS


def user_id(member: int) -> str:
    """As long as the `sub` of most platforms."""
    return f"00000000-0000-4000-8000-{member:012d}"


def points(member: int, item: int) -> int:
    """Two in three reach 60 everywhere, and one in ten 85."""
    lowest = (0, 60, 60)[member % 3] if member % 10 else 85
    return lowest + (member * 7 + item * 13) % (101 - lowest)


def register(url: str = "https://lms.example", **more: str) -> Registration:
    with transaction() as session:
        made = Registration(
            **{"issuer": url, "client_id": "benchmark", "auth_url": f"{url}/auth", "token_url": f"{url}/token"} | more,
            jwks_url=f"{url}/jwks",
            created_at=clock.now(),
        )
        session.add(made)
    return made


def begin() -> Course:
    """A course of which nothing has been read."""
    registration = register()
    with transaction() as session:
        course = Course(
            registration_id=registration.id, deployment_key="1", context_id="big", title="Big", created_at=clock.now()
        )
        session.add(course)
    return course


def enrol(course: Course) -> None:
    """Its members and items, as a sync leaves them where nobody has been graded."""
    now = clock.now()
    with transaction() as session:
        course.evidence_seq, course.synced_at = 1, now
        session.add_all(
            LineItem(course_id=course.id, ref=f"i{item}", label=f"Item {item}", maximum=MAXIMUM, position=item)
            for item in range(ITEMS)
        )
        session.add_all(
            Member(
                course_id=course.id,
                user_id=user_id(member),
                name=f"Member {member}",
                roles="learner",
                in_roster=True,
                is_evaluated=True,
                evidence_seq=1,
                created_at=now,
            )
            for member in range(MEMBERS)
        )


def fill(course: Course) -> None:
    """As a sync leaves it."""
    enrol(course)
    with transaction() as session:
        bulk.insert_rows(
            session, Result, ("line_item_id", "member_id", "score"), [*chain.from_iterable(result_rows(course))]
        )


def result_rows(course: Course, more: int = 0) -> list[tuple[int, int, int]]:
    """(line item, member, score) of everybody, in the order in which the table lies; `more` millionths on each."""
    items = db.session.scalars(select(LineItem.id).where(LineItem.course_id == course.id).order_by(LineItem.id)).all()
    members = db.session.scalars(select(Member.id).where(Member.course_id == course.id).order_by(Member.id)).all()
    return [
        (item_id, member_id, points(member, item) * MILLIONTHS + more)
        for item, item_id in enumerate(items)
        for member, member_id in enumerate(members)
    ]
