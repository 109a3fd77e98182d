"""Whether anybody can tell how much a course's members post and note."""

from lti_cert.courses import activity
from lti_cert.courses.models import FEED, Activity, Course


def countable(course: Course) -> frozenset[str]:
    """What this course's providers deliver: the feed where its platform has a key, a source where it is read."""
    return frozenset(
        str(kind)
        for kind in Activity
        for provider in [activity.provider_of(course, kind)]
        if (course.registration.has_feed if provider == FEED else provider == course.source)
    )
