"""Where somebody stands who has launched: her course, the achievements of it, and the source that its pages read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lti_cert.achievements import saving
from lti_cert.achievements.models import Achievement
from lti_cert.certificates import approval, reading
from lti_cert.core.database import db
from lti_cert.core.errors import NotFound
from lti_cert.courses import source
from lti_cert.courses.models import Course
from lti_cert.launch.models import PanelSession
from lti_cert.panel import sync_status
from lti_cert.panel.instructor_pages import Header, OtherCertificate
from lti_cert.panel.pages import Freshness, Notice
from lti_cert.sources import choose

NO_TITLE = "Certificate"
NEW_TITLE = "New certificate"
NEW = "new"
"""In place of an achievement's number: one that is to be made beside those there are."""


@dataclass(frozen=True)
class Place:
    viewer: PanelSession
    course: Course
    achievements: Sequence[Achievement]
    achievement: Achievement | None
    """The one that an instructor's pages are about."""
    is_new: bool = False
    """They are about one that is to be made."""

    @property
    def actor(self) -> str:
        return f"member:{self.viewer.member_id}"

    @property
    def decisions(self) -> frozenset[str]:
        """What she may do with certificates: assistants, where they may, decide on proposals and no more."""
        if self.viewer.may_edit:
            return frozenset((*approval.ACTIONS, *approval.TICKS))
        return approval.APPROVAL if self.viewer.may_approve else frozenset()

    @property
    def status(self) -> str:
        """The achievement's, or "none" before there is one."""
        return self.achievement.status if self.achievement else "none"


def place_of(viewer: PanelSession, asked: str = "") -> Place:
    """As it is now; to be asked for again after something was changed.

    `asked` names the achievement that the page is about: its number, "new", or nothing for the one that the link of
    the launch names, else the course's first.

    :raises NotFound: the course never had such an achievement.
    :raises Removed: it has it no longer.
    """
    course = db.session.get_one(Course, viewer.course_id)
    present = linked_first(viewer, saving.of_course(course.id))
    if asked == NEW:
        return Place(viewer, course, present, None, is_new=bool(present))
    chosen = achievement_named(course.id, asked) if asked else (present[0] if present else None)
    return Place(viewer, course, present, chosen)


def linked_first(viewer: PanelSession, achievements: Sequence[Achievement]) -> Sequence[Achievement]:
    return sorted(achievements, key=lambda one: one.id != viewer.achievement_id)


def achievement_named(course_id: int, name: str) -> Achievement:
    """
    :raises NotFound: the course never had one of that number.
    :raises Removed: it has it no longer.
    """
    if not (name.isascii() and name.isdigit() and len(name) < 19):  # 18 digits fit every column of ours
        raise NotFound(f"achievement {name!r:.50} of course {course_id}")
    return saving.find(course_id, int(name))


def header(place: Place, notice: Notice | None = None, *, counts: Mapping[str, int] | None = None) -> Header:
    """`notice` says what was just done, if something was."""
    achievement = place.achievement
    if counts is None and achievement is not None:
        counts = reading.counts(achievement.id)
    has_several = place.is_new or len(place.achievements) > 1
    return Header(
        title=achievement.title if achievement else NEW_TITLE if place.is_new else NO_TITLE,
        course=place.course.title,
        status=place.status,
        freshness=freshness(place.course, stale_because=place.course.stale_reason),
        pending=counts["waiting"] if counts else 0,
        is_counting=notice is not None and sync_status.is_evaluating(place.course),
        may_edit=place.viewer.may_edit,
        may_decide=place.viewer.may_approve,
        notice=notice,
        certificates_on=place.course.certificates_on,
        about=str(achievement.id) if achievement else NEW if place.is_new else "",
        choices=tuple(map(_choice, sorted(place.achievements, key=lambda one: one.id))) if has_several else (),
    )


def _choice(achievement: Achievement) -> OtherCertificate:
    waiting = reading.counts(achievement.id)["waiting"]
    return OtherCertificate(str(achievement.id), achievement.title, achievement.status, waiting)


def freshness(course: Course, *, stale_because: str) -> Freshness:
    if course.synced_at is None:
        name, limits = source.next_source(course), "What it shows this tool is known after the first reading."
    else:
        name, limits = course.source, course.snapshot_limits or "It shows this tool every graded column."
    return Freshness(choose.SOURCES[name].title, limits, course.synced_at, stale_because)
