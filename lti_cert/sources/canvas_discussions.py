"""How often each person has contributed to the course's discussions.

https://developerdocs.instructure.com/services/canvas/resources/discussion_topics
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Event

from lti_cert.lti import fields
from lti_cert.lti.answers import THROTTLE_SECONDS, ServiceFailed, ServiceThrottled
from lti_cert.lti.fields import Row
from lti_cert.sources import side_by_side
from lti_cert.sources.canvas_client import MAY_BE_GONE, PAGE_SIZE
from lti_cert.sources.canvas_course import Course
from lti_cert.sources.directory import Directory
from lti_cert.sources.snapshot import DISCUSSION_POSTS, DONE, Count, Snapshot


@dataclass(frozen=True)
class _Topic:
    paths: tuple[str, ...]
    """Where its contributions are; a group's discussion has a place for each group."""
    is_anonymous: bool


_NOT_FOUND = 404
_OF_A_GROUP = "groups/"
"""So begins the path of a group's place."""

ANONYMOUS = "anonymous discussions"
"""The step that notes that there are some."""
GONE = "discussions that are gone"
"""The step that notes of how many groups there are places that are listed, and not found."""


def add_posts(course: Course, people: Directory, snapshot: Snapshot) -> None:
    """A group's place that stays listed and is not found has no posts: Canvas goes on listing it when the group is
    deleted.

    :raises ServiceThrottled: after everything that did arrive has been added.
    """
    snapshot.add_counts(DISCUSSION_POSTS, ())
    topics = _topics(course)
    if any(topic.is_anonymous for topic in topics):
        snapshot.reached(ANONYMOUS)
    refused = _add_places(course, people, snapshot, [path for topic in topics for path in topic.paths])
    if refused:
        still_there = {path for topic in _topics(course) for path in topic.paths}
        gone = 0
        for path, fault in refused.items():
            if path in still_there:
                if fault.http_status != _NOT_FOUND or not path.startswith(_OF_A_GROUP):
                    raise fault
                gone += 1
        if gone:
            snapshot.reached(GONE, str(gone))


def _add_places(
    course: Course, people: Directory, snapshot: Snapshot, paths: Iterable[str]
) -> Mapping[str, ServiceFailed]:
    """Those that were refused are returned.

    :raises ServiceThrottled: as `add_posts`.
    """
    unread = [path for path in paths if snapshot.steps.get(f"posts {path}") != DONE]
    slow: ServiceThrottled | None = None
    refused: dict[str, ServiceFailed] = {}
    is_slowed = Event()

    def fetch(path: str) -> Counter[str] | ServiceFailed | None:
        return None if is_slowed.is_set() else _posts(course, path)

    for path, fetched in side_by_side.each(fetch, unread, parallel=course.parallel):
        if isinstance(fetched, ServiceThrottled):
            is_slowed.set()
            slow = slow or fetched
        elif isinstance(fetched, ServiceFailed):
            refused[path] = fetched
        elif fetched is not None:
            users = people.users(fetched)
            counts = (Count(user_id, fetched[author]) for author in users for user_id in users[author])
            snapshot.add_counts(DISCUSSION_POSTS, counts)
            snapshot.reached(f"posts {path}")
            snapshot.progress("discussions")
    if slow:
        raise slow
    return refused


def _topics(course: Course) -> list[_Topic]:
    start = course.canvas.address(f"{course.path}/discussion_topics", per_page=PAGE_SIZE)
    return [
        topic
        for page in course.canvas.list_from(start)
        for topic in fields.read_each(page.url, page.body, lambda row: _topic(row, course.path))
    ]


def _topic(row: Row, course_path: str) -> _Topic:
    what = "a discussion"
    children = row.get("group_topic_children")
    places = [
        (f"{_OF_A_GROUP}{_number(child, 'group_id', what)}", _number(child, "id", what))
        for child in (children if isinstance(children, list) else [])
        if isinstance(child, Mapping)
    ]
    places = places or [(course_path, _number(row, "id", what))]
    is_open = row.get("published") is not False
    paths = tuple(f"{context}/discussion_topics/{topic}/view" for context, topic in places)
    return _Topic(paths if is_open else (), is_anonymous=bool(row.get("anonymous_state")))


def _number(row: Row, key: str, what: str) -> str:
    """It becomes part of an address."""
    found = fields.identifier(row, key, what)
    if not found.isdecimal():
        raise ValueError(f"“{key}” of {what} is no number")
    return found


def _posts(course: Course, path: str) -> Counter[str] | ServiceFailed:
    """How many contributions each author has there. In a thread of the pool."""
    try:
        page = course.canvas.get(path, include_new_entries=1)
    except ServiceThrottled as fault:
        return fault
    except ServiceFailed as fault:
        if fault.http_status == 503:  # Canvas is still putting the discussion together
            return ServiceThrottled(fault.detail, THROTTLE_SECONDS)
        if fault.http_status in MAY_BE_GONE:
            return fault
        raise
    body = page.body if isinstance(page.body, Mapping) else {}
    authors: dict[str, str] = {}
    waiting = [body.get("new_entries") or [], body.get("view")]
    while waiting:  # what is new comes last: it may change or delete what the view still shows
        for entry_id, author, replies in fields.read_each(page.url, waiting.pop(), _entry):
            authors.pop(entry_id, None)
            if author:
                authors[entry_id] = author
            if replies:
                waiting.append(replies)
    return Counter(authors.values())


def _entry(row: Row) -> tuple[str, str, object]:
    """Its id, its author, empty where it was deleted or is anonymous, and the replies to it."""
    what = "a contribution"
    is_counted = row.get("deleted") is not True and row.get("user_id") is not None
    author = fields.identifier(row, "user_id", what) if is_counted else ""
    return fields.identifier(row, "id", what), author, row.get("replies")
