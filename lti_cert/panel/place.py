"""Where somebody stands who has launched: her course, the achievements of it, and the source that its pages read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lti_cert.achievements import saving
from lti_cert.achievements.models import Achievement
from lti_cert.certificates import reading
from lti_cert.core.database import db
from lti_cert.courses.models import Course
from lti_cert.launch.models import PanelSession
from lti_cert.panel.instructor_pages import Header
from lti_cert.panel.pages import Freshness, Notice
from lti_cert.sources import choose

NO_TITLE = "Certificate"


@dataclass(frozen=True)
class Place:
    viewer: PanelSession
    course: Course
    achievements: Sequence[Achievement]

    @property
    def actor(self) -> str:
        return f"member:{self.viewer.member_id}"

    @property
    def achievement(self) -> Achievement | None:
        """The one that an instructor's pages are about: the course's first."""
        return self.achievements[0] if self.achievements else None

    @property
    def status(self) -> str:
        """The achievement's, or "none" before there is one."""
        return self.achievement.status if self.achievement else "none"


def place_of(viewer: PanelSession) -> Place:
    """As it is now; to be asked for again after something was changed."""
    course = db.session.get_one(Course, viewer.course_id)
    return Place(viewer, course, saving.of_course(course.id))


def header(place: Place, notice: Notice | None = None, *, counts: Mapping[str, int] | None = None) -> Header:
    achievement = place.achievement
    if counts is None and achievement is not None:
        counts = reading.counts(achievement.id)
    return Header(
        title=achievement.title if achievement else NO_TITLE,
        course=place.course.title,
        status=place.status,
        freshness=freshness(place.course, stale_because=place.course.stale_reason),
        pending=counts["waiting"] if counts else 0,
        may_edit=place.viewer.may_approve,
        may_decide=place.viewer.may_approve,
        notice=notice,
    )


def freshness(course: Course, *, stale_because: str) -> Freshness:
    if course.synced_at is None:
        limits = "What it shows this tool is known after the first reading."
    else:
        limits = course.snapshot_limits or "It shows this tool every graded column."
    return Freshness(choose.SOURCES[course.source].title, limits, course.synced_at, stale_because)
