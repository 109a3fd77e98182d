"""Whether anybody can tell how much a course's members post and note."""

from lti_cert.courses import activity
from lti_cert.courses.models import FEED, Activity, Course
from lti_cert.courses.source import next_source
from lti_cert.sources import choose


def countable(course: Course) -> frozenset[str]:
    """What this course's providers deliver: the feed where its platform has a key, a source where it is read, or will
    be read first.
    """
    return frozenset(str(kind) for kind in Activity if _is_counted(course, kind))


def _is_counted(course: Course, kind: Activity) -> bool:
    provider = activity.provider_of(course, kind)
    if course.synced_at is None and kind in choose.SOURCES[next_source(course)].counts:
        return True
    return course.registration.has_feed if provider == FEED else provider == course.source
