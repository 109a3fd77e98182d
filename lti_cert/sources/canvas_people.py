"""Who is in the course: by the roster, which says which user of Canvas each is, and whom of them Canvas shows us."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lti_cert.lti import claims, fields, nrps
from lti_cert.lti.fields import Row
from lti_cert.sources import roster
from lti_cert.sources.canvas_client import PAGE_SIZE
from lti_cert.sources.canvas_course import Course
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


def add_enrolments(course: Course, snapshot: Snapshot) -> None:
    start = snapshot.steps.get("enrolments") or course.canvas.address(
        f"{course.path}/enrollments",
        type=["StudentEnrollment"],
        state=["active", "invited"],
        per_page=PAGE_SIZE,
    )
    if start == DONE:
        return
    people = known_by_canvas(snapshot)
    for page in course.canvas.list_from(start):
        enrolled = fields.read_each(page.url, page.body, _enrolled_user)
        snapshot.people += [replace(person, is_known=True) for each in enrolled for person in people.get(each, ())]
        snapshot.reached("enrolments", page.next_url or DONE)


def _enrolled_user(row: Row) -> str:
    return fields.identifier(row, "user_id", "an enrolment")


People = Mapping[str, Sequence[Person]]
"""By Canvas' id: after users were merged a roster may list one of them twice. Those without an id are under ""."""


def known_by_canvas(snapshot: Snapshot) -> People:
    found = defaultdict(list)
    for person in roster.so_far(snapshot):
        found[person.api_user_id].append(person)
    return found


def are_those(people: People, before: Before) -> bool:
    """Whether nobody has come or gone; who has come, or come back, may have been graded long ago."""
    return before.people == fingerprint(
        (one.user_id, one.api_user_id, one.is_known) for persons in people.values() for one in persons
    )


def learners_of(people: People) -> Iterator[Person]:
    return (person for persons in people.values() for person in persons if claims.LEARNER in person.roles)


def check_known(people: People) -> None:
    """:raises SourceForbidden: the roster tells of nobody which Canvas user that is."""
    learners = list(learners_of(people))
    if learners and not any(person.api_user_id for person in learners):
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
