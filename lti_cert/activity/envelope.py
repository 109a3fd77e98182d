"""What a Caliper envelope says, in our types. Pure: takes the decoded JSON, touches nothing.

Versions 1.1 (https://www.imsglobal.org/sites/default/files/caliper/v1p1/caliper-spec-v1p1/caliper-spec-v1p1.html) and
1.2 (https://www.imsglobal.org/spec/caliper/v1p2/). Of their events four are news here, all others are passed over:

- *Posts*: `MessageEvent`, `Posted`; a reply is a message too. https://www.imsglobal.org/spec/caliper/v1p2/#forum-profile
- *Notes*: `AnnotationEvent`. https://www.imsglobal.org/spec/caliper/v1p2/#annotation-profile names `Bookmarked`,
  `Highlighted`, `Shared` and `Tagged`. Only a `SharedAnnotation` has readers beside its author (`withAgents`), so
  `Shared` alone makes a note public; with the others somebody marks a text for herself.
- *Grades*: `GradeEvent`, `Graded`. https://www.imsglobal.org/spec/caliper/v1p2/#grading-profile
- *Removals*: neither profile has an action for taking back; `Deleted` of a `Message` or an annotation comes as a
  `ResourceManagementEvent` of 1.2 or as a plain `Event` of the basic profile, and is read from any event.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs

from lti_cert.core.json_object import inner, sequence, text

VERSIONS = frozenset(f"http://purl.imsglobal.org/ctx/caliper/{version}" for version in ("v1p1", "v1p2"))
MOST_EVENTS = 1_000
"""In one envelope. The standard sets no limit; its sensors flush some dozens at once."""
LONGEST_ID = 255
"""Of an LTI `sub` (https://www.imsglobal.org/spec/lti/v1p3#user-identity-claims), so a longer id is nobody's."""
DEEPEST_GROUP = 5
"""Groups within sections within offerings."""
_MOST_PROBLEMS = 10

_LTI = "https://purl.imsglobal.org/spec/lti/claim/"


class Kind(StrEnum):
    POST = "post"
    NOTE = "note"
    GRADE = "grade"
    REMOVAL = "removal"


class Naming(StrEnum):
    """Whose ids an event names its actor and course by."""

    LTI = "lti"
    """`sub` and context id of the launches."""
    PLATFORM = "platform"
    """The platform's own, which signed launches tell in custom fields."""


@dataclass(frozen=True, slots=True)
class Event:
    id: str
    kind: Kind
    naming: Naming
    actor: str
    """Empty for grades and removals, where it does not matter who acted."""
    course: str
    """Empty for removals: the thing tells."""
    thing: str
    """Id of the message or the annotation; empty where the event names none."""
    at: datetime
    is_public: bool


@dataclass(frozen=True)
class Envelope:
    events: tuple[Event, ...]
    passed_over: int
    """Events and entities that are no news to us."""


class EnvelopeRejected(Exception):
    """It cannot be read; `problems` says what is wrong, and with which event, numbered from 1."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__(" ".join(problems))


class VersionUnknown(EnvelopeRejected):
    """https://www.imsglobal.org/spec/caliper/v1p2/#http-responses asks for an answer of its own (422)."""


def read(body: object, issuer: str) -> Envelope:
    """Read an envelope that came with the key of the platform with this issuer: all of it or nothing.

    https://www.imsglobal.org/spec/caliper/v1p2/#envelope

    :raises EnvelopeRejected: naming every problem of the envelope, or the first ten of its events.
    """
    data = _data(body)
    described = {item["id"]: item for item in data if isinstance(item, Mapping) and isinstance(item.get("id"), str)}
    found: list[Event] = []
    problems: list[str] = []
    for number, item in enumerate(data, 1):
        try:
            event = _event(item, described, issuer)
        except ValueError as problem:
            problems.append(f"Event {number}: {problem}")
        else:
            found += [event] if event else []
    if problems:
        left_out = len(problems) - _MOST_PROBLEMS
        raise EnvelopeRejected(*problems[:_MOST_PROBLEMS], *([f"And {left_out} more."] if left_out > 0 else []))
    return Envelope(tuple(found), len(data) - len(found))


def _data(body: object) -> list[Any]:
    if not isinstance(body, Mapping):
        raise EnvelopeRejected("An envelope must be a JSON object with “sensor”, “sendTime”, “dataVersion” and “data”.")
    data = body.get("data")
    problems = [
        f"“{name}” must be a text." for name in ("sensor", "dataVersion") if not isinstance(body.get(name), str)
    ]
    if _moment(body.get("sendTime")) is None:
        problems.append("“sendTime” must be a time like 2026-11-15T11:05:01.000Z.")
    if not isinstance(data, list) or not data:
        problems.append("“data” must be a list of events.")
    elif len(data) > MOST_EVENTS:
        problems.append(f"“data” may hold {MOST_EVENTS} events at most; it holds {len(data)}.")
    if problems:
        raise EnvelopeRejected(*problems)
    if str(body["dataVersion"]).rstrip("/").replace("https:", "http:", 1) not in VERSIONS:
        raise VersionUnknown(f"“dataVersion” must be one of {', '.join(sorted(VERSIONS))}.")
    return list(data or ())


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_Described = Mapping[str, Mapping[str, Any]]
"""What the envelope describes beside its events, by id: events may then name it in short."""


def _event(item: object, described: _Described, issuer: str) -> Event | None:
    """None for what is no news.

    :raises ValueError: it would be news, but says what cannot be.
    """
    if not isinstance(item, Mapping) or not isinstance(item.get("type"), str):
        raise ValueError("it must be an object with a “type”.")
    kind = _kind(item, described)
    if kind is None:
        return None
    event_id = item.get("id")
    if not isinstance(event_id, str) or not _is_id(event_id):
        raise ValueError(f"“id” must be a text of 1 to {LONGEST_ID} letters.")
    at = _moment(item.get("eventTime"))
    if at is None:
        raise ValueError("“eventTime” must be a time like 2026-11-15T10:15:00.000Z.")
    thing = _thing(item, kind, described)
    if kind is Kind.REMOVAL:
        return Event(event_id, kind, Naming.LTI, "", "", thing, at, is_public=True)
    if not _id_of(item.get("actor")):
        raise ValueError("“actor” must be an entity with an “id”, or an IRI.")
    naming, actor, course = _who_and_where(item, described, issuer)
    is_public = kind is not Kind.NOTE or _is_shared(item, described)
    return Event(event_id, kind, naming, "" if kind is Kind.GRADE else actor, course, thing, at, is_public)


_KINDS: Mapping[tuple[str, str], Kind] = {
    ("MessageEvent", "Posted"): Kind.POST,
    ("GradeEvent", "Graded"): Kind.GRADE,
    **{("AnnotationEvent", action): Kind.NOTE for action in ("Bookmarked", "Highlighted", "Shared", "Tagged")},
}


def _kind(item: Mapping[str, Any], described: _Described) -> Kind | None:
    action = item.get("action")
    if action == "Deleted":
        removed = str(_entity(item.get("object"), described).get("type"))
        return Kind.REMOVAL if removed == "Message" or removed.endswith("Annotation") else None
    return _KINDS.get((item["type"], action)) if isinstance(action, str) else None


def _is_shared(item: Mapping[str, Any], described: _Described) -> bool:
    """https://www.imsglobal.org/spec/caliper/v1p2/#sharedannotation; with an empty list it is shared with nobody."""
    return item["action"] == "Shared" and _entity(item.get("generated"), described).get("withAgents") != []


def _thing(item: Mapping[str, Any], kind: Kind, described: _Described) -> str:
    thing = _id_of(item.get("generated" if kind is Kind.NOTE else "object"))
    if not thing.isprintable() or (kind in (Kind.POST, Kind.REMOVAL) and not thing):
        raise ValueError("its “object” (of a note, what it “generated”) must be an entity with an “id”, or an IRI.")
    return thing


def _id_of(entity: object) -> str:
    """https://www.imsglobal.org/spec/caliper/v1p2/#entity: expressed as an object, or as a string that is its IRI."""
    found = entity.get("id") if isinstance(entity, Mapping) else entity
    return found if isinstance(found, str) else ""


def _is_id(text: str) -> bool:
    """Whether it is one that a launch could have told: no controls, no half of a surrogate pair."""
    return 0 < len(text) <= LONGEST_ID and text.isprintable()


def _entity(value: object, described: _Described) -> Mapping[str, Any]:
    """The entity with what it says of itself; a mere IRI by what the envelope describes under it."""
    if isinstance(value, str):
        return described.get(value, {"id": value})
    return value if isinstance(value, Mapping) else {}


def _who_and_where(item: Mapping[str, Any], described: _Described, issuer: str) -> tuple[Naming, str, str]:
    """Actor and course by ids that signed launches know, the surest first; never by an e-mail address or a login.

    Where none is named so, by their IRIs, which are nobody's unless a launch says the same.
    """
    actor, groups = _entity(item.get("actor"), described), list(_groups(item.get("group"), described))
    launch = inner(_entity(item.get("federatedSession"), described), "messageParameters")
    user = _first(
        _other_identifier(actor, "LtiUserId"),
        text(launch, "sub"),
        text(launch, "user_id"),
        _moodle_id(_id_of(actor), issuer, "/user/profile.php", "/user/view.php"),
    )
    course = _first(
        *(_other_identifier(group, "LtiContextId") for group in groups),
        text(inner(launch, _LTI + "context"), "id"),
        text(launch, "context_id"),
        *(_moodle_id(_id_of(group), issuer, "/course/view.php") for group in groups),
    )
    if not (user and course):
        root = _canvas_number(actor, "root_account_id")
        canvas_user, canvas_course = _canvas_id(actor, root), _first(*(_canvas_id(group, root) for group in groups))
        if canvas_user and canvas_course:
            return Naming.PLATFORM, canvas_user, canvas_course
    return Naming.LTI, user or _first(_id_of(actor)), course or _first(*map(_id_of, groups))


def _first(*ids: str) -> str:
    return next((found for found in ids if _is_id(found)), "")


def _groups(value: object, described: _Described) -> Iterator[Mapping[str, Any]]:
    """The event's group and what it is part of, without those that are no course.

    https://www.imsglobal.org/spec/caliper/v1p2/#group, https://www.imsglobal.org/spec/caliper/v1p2/#coursesection
    """
    for _ in range(DEEPEST_GROUP):
        group = _entity(value, described)
        if not group:
            return
        if group.get("type") != "Group":
            yield group
        value = group.get("subOrganizationOf")


def _other_identifier(entity: Mapping[str, Any], kind: str) -> str:
    """https://www.imsglobal.org/spec/caliper/v1p2/#systemidentifier: 1.2's own way to name a person or a course by
    LTI's ids.
    """
    return next(
        (
            text(other, "identifier")
            for other in sequence(entity, "otherIdentifiers")
            if isinstance(other, Mapping) and other.get("identifierType") == kind
        ),
        "",
    )


def _moodle_id(address: str, issuer: str, *paths: str) -> str:
    """Moodle's emitters name people and courses by their pages; the number there is LTI's `sub` or context id, in
    launches from the same site.
    """
    if not address.startswith(issuer):
        return ""
    page, _, query = address.removeprefix(issuer.rstrip("/")).partition("?")
    return (parse_qs(query).get("id") or [""])[0] if page in paths else ""


CANVAS_SHARD = 10**13
"""A Canvas id that is global is its shard's number times this, plus its id there."""


def _canvas_id(entity: Mapping[str, Any], root: int) -> str:
    """The id that `$Canvas.user.id` or `$Canvas.course.id` has in launches: local, but for people of another shard.

    https://developerdocs.instructure.com/services/canvas/data-services/live-events/overview/file.data_service_caliper_structure
    """
    found = _canvas_number(entity, "entity_id")
    if not found or str(_canvas(entity).get("context_type", "Course")) != "Course":
        return ""
    return str(found % CANVAS_SHARD if found // CANVAS_SHARD == root // CANVAS_SHARD else found)


def _canvas_number(entity: Mapping[str, Any], name: str) -> int:
    value = str(_canvas(entity).get(name, ""))
    return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else 0


def _canvas(entity: Mapping[str, Any]) -> Mapping[str, Any]:
    return inner(inner(entity, "extensions"), "com.instructure.canvas")
