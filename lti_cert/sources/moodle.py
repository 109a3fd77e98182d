"""Moodle's web services: the whole gradebook, the people as they are enrolled, and what they post in forums.

LTI's `sub` is Moodle's user id, and its context id is the course's number.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from lti_cert.core import current
from lti_cert.core.lines import one_line
from lti_cert.lti import fields, nrps
from lti_cert.lti.claims import INSTRUCTOR, LEARNER, STAFF, TEACHING_ASSISTANT
from lti_cert.lti.fields import Row
from lti_cert.sources import connections, discussions, moodle_report, roster
from lti_cert.sources.directory import Directory
from lti_cert.sources.moodle_enrolled import Enrolled
from lti_cert.sources.moodle_gradebook import Gradebook
from lti_cert.sources.moodle_report import Report
from lti_cert.sources.moodle_service import (
    ALL_GROUPS,
    DISCUSSIONS,
    ENROLLED,
    FORUMS,
    NEEDS,
    POSTS,
    SITE_INFO,
    CourseUnknown,
    ForumGone,
    MoodleForbidden,
    MoodleService,
)
from lti_cert.sources.snapshot import DISCUSSION_POSTS, DONE, Count, Finding, Person, Reading, Snapshot

NAME = "moodle"

_PAGE = 1000
"""People of one page."""
_DISCUSSIONS_PAGE = 100
_CHECKED_WHOLE = 200
"""Learners up to whose number a check looks at everybody's grades: somebody waits for it."""
_OLDEST_FIRST = 4
"""Moodle's number for the order in which discussions were begun: new ones do not move those already read."""

_ROLES = {
    "student": LEARNER,
    "teacher": TEACHING_ASSISTANT,
    "editingteacher": INSTRUCTOR,
    "coursecreator": INSTRUCTOR,
    "manager": INSTRUCTOR,
}
"""By the short names that Moodle is installed with. Of others the grade report tells whether they are learners."""

_PEOPLE = "people"
"""The stream of those who are enrolled, which stands at the number of them that were added."""
_ROSTER = "roster"
_GONE = "gone"
"""Where the stream of a forum stands that is listed, and not found."""


def read(reading: Reading, snapshot: Snapshot) -> None:
    service, course = _connect(reading), _course_number(reading)
    try:
        if moodle_report.PLAN not in snapshot.steps:
            snapshot.progress("people")
            _add_people(service, course, snapshot)
        with closing(Directory(snapshot)) as people:
            report = Report(service, course, reading, people, snapshot)
            book = report.read()
        if DISCUSSION_POSTS in reading.counts:
            with discussions.named_in_faults():
                _count_posts(service, course, snapshot)
        _compare_with_roster(reading, snapshot, is_by_learner=report.is_by_learner)
        snapshot.limits = " ".join(_limits(snapshot, book))
    finally:
        snapshot.requests += service.requests
    snapshot.items += book.items()  # nothing follows that could be slowed down, so that they are added once


def _limits(snapshot: Snapshot, book: Gradebook) -> Iterator[str]:
    learners, unseen = _seen(snapshot)
    if unseen:
        yield (
            f"Moodle shows this tool nothing of {unseen} of the {learners} learners: its token may see some groups "
            "only."
        )
    if book.lacks_weights():
        yield (
            "Moodle does not say what its columns weigh, so those that are left out of the course's total count here "
            "too. A teacher sets “Show weightings” to “Show” in the course, under Grades, Course grade settings, User "
            "report; where the total is a formula over ungrouped columns there are no weights."
        )
    if dropped := book.dropped():
        yield (
            f"Moodle leaves somebody's grade out of the total in {dropped} columns, and does not say whether a teacher "
            "has excluded it or a category drops the lowest: it counts here as it was graded."
        )
    if partial := book.partial():
        yield (
            f"Moodle shows {partial} of the assessments to some learners only, as where their access is restricted: "
            "they count as not graded for the others. Choose the assessments where not everybody has the same."
        )
    if gone := sum(1 for place in snapshot.steps.values() if place == _GONE):
        yield discussions.uncounted(gone)


def _seen(snapshot: Snapshot) -> tuple[int, int]:
    """How many learners there are, and how many of them the gradebook says nothing of."""
    are_known = Counter(person.is_known for person in snapshot.all_people() if LEARNER in person.roles)
    return are_known.total(), are_known[False]


def _connect(reading: Reading, *, is_waited_for: bool = False) -> MoodleService:
    found = connections.find(reading.registration_id, NAME, reading.course_id)
    return MoodleService(
        found.base_url, found.token, current.http(), parallel=reading.parallel, is_waited_for=is_waited_for
    )


def _course_number(reading: Reading) -> str:
    if not reading.api_course_id.isdecimal():
        raise CourseUnknown(
            message="No launch has said yet under which number Moodle knows this course.",
            guidance="Open the tool once from the course in Moodle, and try again.",
        )
    return reading.api_course_id


def check(reading: Reading) -> Iterator[Finding]:
    """What a reading needs, one thing after another. A fault that it raises is a finding too."""
    service = _connect(reading, is_waited_for=True)
    yield from _check_service(service.ask(SITE_INFO))
    course, scratch = _course_number(reading), Snapshot()
    _add_people(service, course, scratch)
    yield _check_grades(service, course, reading, scratch)
    with discussions.named_in_faults():
        forums = _forums(service, course)
    yield Finding(True, f"The posts of its forums can be counted: {len(forums)}.")
    _compare_with_roster(reading, scratch, is_by_learner=False)
    learners, unseen = _seen(scratch)
    if unseen:
        yield Finding(
            False,
            f"The token sees only {learners - unseen} of the {learners} learners of this course.",
            f"Moodle's administrator allows {ALL_GROUPS} to its user's role, and takes that user out of all groups of "
            "the course.",
        )


def _check_service(site: Any) -> Iterator[Finding]:
    site = site if isinstance(site, Mapping) else {}
    release, user = (one_line(fields.text(site, key)) for key in ("release", "username"))
    yield Finding(True, f"Moodle {release} answers and knows the token as the user “{user}”.")
    offered = {function.get("name") for function in site.get("functions") or () if isinstance(function, Mapping)}
    if missing := [function for function in NEEDS if function not in offered]:
        yield Finding(
            False,
            f"Its external service lacks {', '.join(missing)}.",
            "Moodle's administrator adds them under Site administration, Server, External services.",
        )


def _check_grades(service: MoodleService, course: str, reading: Reading, scratch: Snapshot) -> Finding:
    """In a large course one learner's grades stand for all."""
    learners = [person.user_id for person in scratch.people if LEARNER in person.roles]
    with closing(Directory(scratch)) as people:
        report = Report(service, course, reading, people, scratch)
        if len(learners) <= _CHECKED_WHOLE:
            columns = report.read().items()
            return Finding(True, f"The gradebook opens: {len(columns)} columns, {len(learners)} learners.")
        report.read_sample(learners[0])
    scratch.people = [replace(person, is_known=True) for person in scratch.people]
    return Finding(True, f"The gradebook opens for the first of {len(learners)} learners.")


# People


def _add_people(service: MoodleService, course: str, snapshot: Snapshot) -> None:
    """Everybody with an active enrolment, once all are known."""
    with closing(Enrolled()) as enrolled:
        # A page may be shorter than it could be, since Moodle leaves out whose profile may not be seen: only one that
        # brings nobody is the end.
        start = 0
        while enrolled.add(_page_of_people(service, course, start)):
            start += _PAGE
        people, added = enrolled.people(), 0
        while together := list(itertools.islice(people, _PAGE)):
            snapshot.people += together
            added += len(together)
            snapshot.reached(_PEOPLE, str(added))
        for group, learners in enrolled.cover(moodle_report.AT_ONCE):
            moodle_report.plan_group(snapshot, group, learners)
        moodle_report.plan_rest(snapshot, enrolled.uncovered())


def _page_of_people(service: MoodleService, course: str, start: int) -> Sequence[tuple[Person, Sequence[str]]]:
    options = {
        "onlyactive": 1,
        "userfields": "id,fullname,email,roles,groups",
        "sortby": "id",
        "limitfrom": start,
        "limitnumber": _PAGE,
    }
    named = [{"name": name, "value": value} for name, value in options.items()]
    return fields.read_each(ENROLLED, service.ask(ENROLLED, courseid=course, options=named), _person)


def _person(row: Row) -> tuple[Person, Sequence[str]]:
    roles = frozenset(_ROLES[name] for name in _names(row, "roles", "shortname") if name in _ROLES)
    user_id = fields.identifier(row, "id", "somebody who is enrolled")
    person = Person(user_id, roles, fields.text(row, "fullname"), fields.text(row, "email"))
    return person, _names(row, "groups", "id") if "groups" in row else ()


def _names(row: Row, key: str, name: str) -> Sequence[str]:
    parts = row.get(key)
    if not isinstance(parts, list) or not all(isinstance(part, Mapping) for part in parts):
        raise ValueError(f"somebody who is enrolled has no “{key}”")
    return [fields.identifier(part, name, f"one of the {key}") for part in parts]


# What is posted


def _count_posts(service: MoodleService, course: str, snapshot: Snapshot) -> None:
    forums = _forums(service, course)
    snapshot.add_counts(DISCUSSION_POSTS, ())
    for number, forum in enumerate(forums, 1):
        stream = f"forum {forum}"
        while (page := snapshot.steps.get(stream, "0")) not in {DONE, _GONE}:
            snapshot.progress(f"forum {number} of {len(forums)}")
            try:
                posts, is_last = _posts_of_page(service, forum, int(page))
            except ForumGone:
                snapshot.reached(stream, _GONE)
                break
            snapshot.add_counts(DISCUSSION_POSTS, itertools.starmap(Count, posts.items()))
            snapshot.reached(stream, DONE if is_last else str(int(page) + 1))


def _forums(service: MoodleService, course: str) -> Sequence[str]:
    return fields.read_each(FORUMS, service.ask(FORUMS, courseids=[course]), _forum)


def _forum(row: Row) -> str:
    return fields.identifier(row, "id", "a forum")


def _posts_of_page(service: MoodleService, forum: str, page: int) -> tuple[Counter[str], bool]:
    """How often each author posted in the discussions of a page, and whether it is the last."""
    answer = service.ask(DISCUSSIONS, forumid=forum, sortorder=_OLDEST_FIRST, page=page, perpage=_DISCUSSIONS_PAGE)
    if isinstance(answer, Mapping) and answer.get("warnings"):
        raise MoodleForbidden(
            f"forum {forum}: {len(answer['warnings'])} warnings",
            message="The user of the token may not see every discussion, so that posts cannot be counted.",
            guidance=f"{DISCUSSIONS} needs {' and '.join(NEEDS[DISCUSSIONS])}: Moodle's administrator allows them.",
        )
    discussions = _rows(DISCUSSIONS, answer, "discussions", _discussion)
    posts = Counter(starter for _, starter, replies in discussions if not replies and starter)
    answered = [{"discussionid": discussion} for discussion, _, replies in discussions if replies]
    for answer in service.ask_each(POSTS, answered):
        posts.update(author for author in _rows(POSTS, answer, "posts", _author) if author)
    return posts, len(discussions) < _DISCUSSIONS_PAGE


def _rows(function: str, answer: Any, key: str, read_row: Any) -> Sequence[Any]:
    return fields.read_each(function, answer.get(key) if isinstance(answer, Mapping) else None, read_row)


def _discussion(row: Row) -> tuple[str, str, bool]:
    """Its id, who began it, and whether there is more in it than her post. Forums may hide who it was."""
    starter = "" if row.get("userid") is None else fields.identifier(row, "userid", "a discussion")
    return fields.identifier(row, "discussion", "a discussion"), starter, bool(row.get("numreplies"))


def _author(row: Row) -> str:
    """Empty where the post is none: a private reply, one that was deleted, or one whose author is hidden."""
    author = row.get("author")
    if row.get("isprivatereply") or row.get("isdeleted"):
        return ""
    if not isinstance(author, Mapping):
        raise ValueError("a post has no “author”")
    return "" if author.get("id") is None else fields.identifier(author, "id", "the author of a post")


# The roster


def _compare_with_roster(reading: Reading, snapshot: Snapshot, *, is_by_learner: bool) -> None:
    """Note whom LTI's roster lists and Moodle's answers leave out: the user of the token may see a part only."""
    if not reading.memberships_url or snapshot.steps.get(_ROSTER) == DONE:
        return
    snapshot.progress("the roster")
    with closing(Directory(snapshot)) as people:
        client, start = roster.connect(reading, current.http())
        start = snapshot.steps.get(_ROSTER) or start
        try:
            for members, next_url in nrps.member_pages(client, start):
                persons = people.persons([member.user_id for member in members])
                compared = (
                    _compared(persons.get(member.user_id), member, is_by_learner=is_by_learner)
                    for member in members
                    if member.is_active
                )
                snapshot.people += [person for person in compared if person]
                snapshot.reached(_ROSTER, next_url or DONE)
        finally:
            snapshot.requests += client.requests


def _compared(person: Person | None, member: nrps.Member, *, is_by_learner: bool) -> Person | None:
    """What the roster adds."""
    if person is None:
        return Person(
            member.user_id, member.roles, member.name, member.email, is_known=False, sourced_id=member.sourced_id
        )
    added = replace(person, sourced_id=member.sourced_id)
    if staff := member.roles & STAFF:
        added = replace(added, roles=person.roles | staff)
    elif is_by_learner and not person.roles and LEARNER in member.roles:
        # In a role of the site's own, so that she was not asked for one by one.
        added = replace(added, roles=member.roles, is_known=False)
    return added if added != person else None
