"""Who is in the course: by the roster, which says which user of Canvas each is, and whom of them Canvas shows us."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from lti_cert.lti import claims, fields, nrps
from lti_cert.lti.fields import Row
from lti_cert.sources import roster
from lti_cert.sources.canvas_client import PAGE_SIZE
from lti_cert.sources.canvas_course import Course
from lti_cert.sources.directory import Directory
from lti_cert.sources.snapshot import (
    DONE,
    Before,
    Finding,
    Person,
    Snapshot,
    SourceForbidden,
    fingerprint,
)


def add_members(course: Course, snapshot: Snapshot) -> None:
    """A learner is unknown until an enrolment says otherwise."""
    start = snapshot.steps.get("members") or course.roster_start
    if start == DONE:
        return
    for members, next_url in nrps.member_pages(course.roster, start):
        snapshot.people += [
            replace(person, is_known=claims.LEARNER not in person.roles) for person in roster.people(members)
        ]
        snapshot.reached("members", next_url or DONE)


def add_enrolments(course: Course, people: Directory, snapshot: Snapshot) -> None:
    start = snapshot.steps.get("enrolments") or course.canvas.address(
        f"{course.path}/enrollments",
        type=["StudentEnrollment"],
        state=["active", "invited"],
        per_page=PAGE_SIZE,
    )
    if start == DONE:
        return
    for page in course.canvas.list_from(start):
        enrolled = fields.read_each(page.url, page.body, _enrolled_user)
        users = chain.from_iterable(people.users(enrolled).values())
        snapshot.people += [Person(user_id, frozenset(), is_known=True) for user_id in users]
        people.note_known(enrolled)
        snapshot.reached("enrolments", page.next_url or DONE)


def _enrolled_user(row: Row) -> str:
    return fields.identifier(row, "user_id", "an enrolment")


def are_those(people: Directory, before: Before) -> bool:
    """Whether nobody has come or gone; who has come, or come back, may have been graded long ago."""
    return before.people == fingerprint((one.user_id, one.api_user_id, one.is_known) for one in people)


def learners_of(people: Iterable[Person]) -> Iterator[Person]:
    return (person for person in people if claims.LEARNER in person.roles)


def check_known(people: Directory) -> None:
    """:raises SourceForbidden: the roster tells of nobody which Canvas user that is."""
    has_id = Counter(bool(person.api_user_id) for person in learners_of(people))
    if has_id and not has_id[True]:
        raise SourceForbidden(message=_NO_IDS, guidance=_ADD_FIELD)


_NO_IDS = "The roster does not say which users of Canvas the members of this course are."
_ADD_FIELD = (
    "The administrator of Canvas adds the custom field canvas_user_id=$Canvas.user.id to this tool’s LTI key, in its "
    "additional settings."
)


def check_roster(course: Course) -> Finding:
    members, goes_on_at = next(nrps.member_pages(course.roster, course.roster_start))
    learners = [member for member in members if claims.LEARNER in member.roles and not member.is_test_user]
    if any(not member.custom.get(claims.CUSTOM_CANVAS_USER) for member in learners):
        return Finding(False, _NO_IDS, _ADD_FIELD)
    where = " on its first page" if goes_on_at else ""
    return Finding(True, f"The roster opens and says who is who: {len(members)} people{where}.")
