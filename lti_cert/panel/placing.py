"""The page on which an instructor chooses what a new link in her course opens."""

from dataclasses import dataclass
from typing import Any

from lti_cert.achievements import saving
from lti_cert.core.database import db
from lti_cert.courses.models import Course
from lti_cert.launch import deep_linking
from lti_cert.launch.models import PanelSession
from lti_cert.lti.models import Registration
from lti_cert.panel.place import achievement_named

ALL, NOTHING = "all", "nothing"


@dataclass(frozen=True)
class Choice:
    name: str
    title: str
    status: str = ""
    """An achievement's `Status`."""


@dataclass(frozen=True)
class PlacingPage:
    course: str
    choices: tuple[Choice, ...]


def page_for(viewer: PanelSession) -> PlacingPage:
    course = db.session.get_one(Course, viewer.course_id)
    single = (Choice(str(one.id), one.title, one.status) for one in saving.of_course(course.id))
    return PlacingPage(course.title, (Choice(ALL, deep_linking.ALL_TITLE), *single))


def links_of(viewer: PanelSession, choice: str) -> tuple[dict[str, Any], ...]:
    """What was chosen, as the platform takes it.

    :raises NotFound: the course has no such achievement.
    """
    if choice == NOTHING:
        return ()
    achievement = None if choice == ALL else achievement_named(viewer.course_id, choice)
    return (deep_linking.link_to(db.session.get_one(Registration, viewer.registration_id), achievement),)
