"""The valid launches of the LTI 1.3 certification guide, nine as teacher and nine as student, under its titles, and the
launch of a student with only a resource link, which newer lists have.

https://www.imsglobal.org/spec/lti/v1p3/cert#valid-teacher-launches
"""

from typing import Any

import pytest

from tests.launching import INSTRUCTOR, LEARNER, REMOVED, Browser, sessions, title

UNKNOWN = "http://purl.imsglobal.org/vocab/lis/v2/uknownrole/unknown#Helper"
ELSEWHERE = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Instructor"
NO_NAMES = {"name": REMOVED, "given_name": REMOVED, "family_name": REMOVED}

TEACHER_LAUNCHES: dict[str, tuple[dict[str, Any], bool]] = {
    "Launch as Teacher": ({"roles": [INSTRUCTOR]}, True),
    "Launch Teacher with Multiple Role Values": ({"roles": [INSTRUCTOR, ELSEWHERE]}, True),
    "Launch Teacher with Short Role Value": ({"roles": ["Instructor"]}, True),
    "Launch Teacher with Unknown Role": ({"roles": [UNKNOWN]}, False),
    "Launch Teacher With No Role": ({"roles": []}, False),
    "Launch Teacher Email Only": ({"roles": [INSTRUCTOR], **NO_NAMES}, True),
    "Launch Teacher Names Only": ({"roles": [INSTRUCTOR], "email": REMOVED}, True),
    "Launch Teacher No PII": ({"roles": [INSTRUCTOR], "email": REMOVED, **NO_NAMES}, True),
}
STUDENT_LAUNCHES: dict[str, tuple[dict[str, Any], bool]] = {
    "Launch as Student": ({"roles": [LEARNER]}, False),
    "Launch Student with Multiple Role Values": ({"roles": [LEARNER, ELSEWHERE]}, False),
    "Launch Student with Short Role Value": ({"roles": ["Learner"]}, False),
    "Launch Student with Unknown Role": ({"roles": [UNKNOWN]}, False),
    "Launch Student With No Role": ({"roles": []}, False),
    "Launch Student Email Only": ({"roles": [LEARNER], **NO_NAMES}, False),
    "Launch Student Names Only": ({"roles": [LEARNER], "email": REMOVED}, False),
    "Launch Student No PII": ({"roles": [LEARNER], "email": REMOVED, **NO_NAMES}, False),
}
LAUNCHES = TEACHER_LAUNCHES | STUDENT_LAUNCHES

NOT_REQUIRED = ("email", "context", *NO_NAMES)
WITHOUT_A_COURSE: dict[str, dict[str, Any]] = {
    "Launch Teacher Email Without Context": {"roles": [INSTRUCTOR], "context": REMOVED, **NO_NAMES},
    "Launch Student Email Without Context": {"roles": [LEARNER], "context": REMOVED, **NO_NAMES},
    "Launch Student With Only a Resource Link": {
        **dict.fromkeys(NOT_REQUIRED, REMOVED),
        "roles": [LEARNER],
        "resource_link": {"id": "link-1"},
    },
}


@pytest.mark.parametrize("launch", LAUNCHES)
def test_a_valid_launch_is_let_in(browser: Browser, launch: str) -> None:
    changes, is_staff = LAUNCHES[launch]
    browser.enter(**changes)
    (session,) = sessions()
    assert session.is_staff == is_staff


@pytest.mark.parametrize("launch", WITHOUT_A_COURSE)
def test_a_valid_launch_without_a_course_is_told_where_to_open_the_tool(browser: Browser, launch: str) -> None:
    """A certificate is always one of a course, so there is nobody's progress to show."""
    response = browser.launch(**WITHOUT_A_COURSE[launch])
    assert (response.status_code, title(response)) == (200, "Open this from inside a course")
    assert sessions() == []
