"""The Canvas source: everything graded in a course through Canvas' own interface, people through Names and Roles.

The roster says by our custom field which Canvas user each member is; nobody is matched by name or e-mail.
"""

from lti_cert.core.errors import LtiCertError
from lti_cert.sources import canvas_course, canvas_discussions, canvas_people, canvas_submissions
from lti_cert.sources.canvas_people import People
from lti_cert.sources.snapshot import DISCUSSION_POSTS, Reading, Snapshot

NAME = canvas_course.NAME


def read(reading: Reading, snapshot: Snapshot) -> None:
    course = canvas_course.connect(reading)
    try:
        snapshot.progress("the course")
        canvas_course.check(course)
        snapshot.progress("members")
        canvas_people.add_members(course, snapshot)
        canvas_people.add_enrolments(course, snapshot)
        people = canvas_people.known_by_canvas(snapshot)
        canvas_people.check_known(people)
        snapshot.progress("assignments")
        items = canvas_submissions.add_scores(course, people, snapshot)
        if DISCUSSION_POSTS in reading.counts:
            canvas_discussions.add_posts(course, people, snapshot)
        snapshot.items += items  # nothing follows that could be slowed down, so that they are added once
    finally:
        snapshot.requests += course.canvas.requests + course.roster.requests
    snapshot.limits = _limits(people, snapshot)


def check(reading: Reading) -> list[str]:
    """What stands in the way of a complete reading, a sentence or two each."""
    try:
        course = canvas_course.connect(reading)
        canvas_course.check(course)
        found = [*canvas_course.what_is_hidden(course), *canvas_people.whom_the_roster_leaves_out(course)]
        canvas_submissions.all_assignments(course)
        course.canvas.get(f"{course.path}/students/submissions", student_ids=["all"], per_page=1)
        course.canvas.get(f"{course.path}/discussion_topics", per_page=1)
    except LtiCertError as fault:
        return [" ".join(filter(None, (fault.shown_message, fault.shown_guidance, fault.detail)))]
    return found


def _limits(people: People, snapshot: Snapshot) -> str:
    unknown = sum(1 for person in canvas_people.learners_of(people) if not person.is_known)
    found = []
    if unknown:
        found.append(
            f"It says nothing of {unknown} of the learners on the roster: whoever connected Canvas may see only some "
            "sections."
        )
    if canvas_discussions.ANONYMOUS in snapshot.steps:
        found.append("Contributions to anonymous discussions are not counted.")
    return " ".join(found)
