"""Which source a course is read from, which others there are, and what a trial of one has shown."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select

from lti_cert.core.database import db, transaction
from lti_cert.courses import freshness, mirror, source
from lti_cert.courses.models import Course, LineItem, SyncRun
from lti_cert.courses.staging import StagedSnapshot
from lti_cert.launch.models import PanelSession
from lti_cert.lti.claims import LEARNER
from lti_cert.panel.instructor_pages import Mapped, OtherSource
from lti_cert.panel.pages import Notice
from lti_cert.panel.place import Place
from lti_cert.panel.wording import counted
from lti_cert.sources import choose, connections
from lti_cert.sources.snapshot import Person

MOST_NAMES = 20


def others_of(place: Place) -> tuple[OtherSource, ...]:
    """What the course could be read from instead, by those who may say so."""
    if not place.viewer.may_edit or place.course.trial_source:
        return ()
    return tuple(
        OtherSource(name, one.title) for name, one in choose.SOURCES.items() if _is_another(place.course, name)
    )


def _is_another(course: Course, name: str) -> bool:
    one = choose.SOURCES[name]
    if name == source.next_source(course) or not one.is_pulled:
        return False
    return not one.connects_by or connections.is_connected(course.registration_id, name, course.id)


def use(viewer: PanelSession, name: str) -> Notice:
    """Read the course from this source, if that can be done completely: a course that was read before tries it out."""
    title = choose.find(name).title
    problems = use_if_good(viewer, name)
    if problems:
        return Notice("failed", f"{_capital(title)} cannot be read completely yet.", tuple(problems))
    return Notice("done", f"{_capital(title)} can be read completely, and is being read.")


def use_if_good(viewer: PanelSession, name: str) -> list[str]:
    """What stands in the way, in words; nothing is changed then."""
    found = source.check(db.session.get_one(Course, viewer.course_id), name)
    problems = [f"{finding.text} {finding.guidance}".strip() for finding in found if not finding.is_good]
    if not problems:
        with transaction() as session:
            _read_from(session.get_one(Course, viewer.course_id), name)
    return problems


def _read_from(course: Course, name: str) -> None:
    """A course that was read before tries another one out first."""
    if course.synced_at is None:
        source.use(course, name)
        freshness.ask_for_sync(course)
    elif course.source == name:
        freshness.ask_for_sync(course)
    else:
        freshness.try_out(course, name)


def _capital(title: str) -> str:
    return title[:1].upper() + title[1:]


def mapped(course: Course, run: SyncRun) -> Mapped | None:
    """How the columns and people of a trial are those of the course; None for a reading of its own source."""
    if run.source == course.source:
        return None
    snapshot = StagedSnapshot(run)
    rows = db.session.scalars(
        select(LineItem).where(LineItem.course_id == course.id, LineItem.removed_at.is_(None))
    ).all()
    items = snapshot.all_items()
    same = mirror.same_items(rows, items)
    unknown = [one for one in snapshot.all_people() if LEARNER in one.roles and not one.is_known]
    return Mapped(
        title=choose.SOURCES[run.source].title,
        pairs=tuple((same[item.ref].label, item.label) for item in items if item.ref in same),
        new=tuple(item.label for item in items if item.ref not in same),
        gone=tuple(row.label for row in rows if row not in same.values()),
        unknown=tuple(names_of(unknown)),
        limits=snapshot.limits,
    )


def names_of(people: Sequence[Person]) -> Iterator[str]:
    for person in people[:MOST_NAMES]:
        yield person.name or f"Member {person.user_id}"
    if len(people) > MOST_NAMES:
        yield f"and {counted(len(people) - MOST_NAMES, 'other', 'others')}"
