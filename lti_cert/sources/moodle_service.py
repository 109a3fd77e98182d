"""Asks Moodle's web services. https://docs.moodle.org/dev/Creating_a_web_service_client

An error is an answer with status 200 and an `exception` in it; here it becomes a fault that says what to do about it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from lti_cert.core.http import Response, Session
from lti_cert.core.lines import one_line
from lti_cert.lti.answers import check_throttle, read_json
from lti_cert.sources import side_by_side
from lti_cert.sources.snapshot import SourceFailed, SourceForbidden

PATH = "/webservice/rest/server.php"

SITE_INFO = "core_webservice_get_site_info"
ENROLLED = "core_enrol_get_enrolled_users"
GRADES = "gradereport_user_get_grade_items"
FORUMS = "mod_forum_get_forums_by_courses"
DISCUSSIONS = "mod_forum_get_forum_discussions"
POSTS = "mod_forum_get_discussion_posts"

NEEDS: Mapping[str, tuple[str, ...]] = {
    SITE_INFO: ("webservice/rest:use",),
    ENROLLED: ("moodle/course:view", "moodle/course:viewparticipants", "moodle/course:enrolreview"),
    GRADES: ("moodle/course:view", "gradereport/user:view", "moodle/grade:viewall"),
    FORUMS: ("moodle/course:view", "mod/forum:viewdiscussion", "moodle/course:ignoreavailabilityrestrictions"),
    DISCUSSIONS: ("mod/forum:viewdiscussion", "mod/forum:viewqandawithoutposting"),
    POSTS: ("mod/forum:viewdiscussion", "mod/forum:viewqandawithoutposting"),
}
"""What the external service has to contain, and the capabilities that its user needs for each."""
ALL_GROUPS = "moodle/site:accessallgroups"

SECONDS = (5.0, 120.0)
"""To connect, and to wait: Moodle works a report out before it sends its first byte."""


class MoodleFailed(SourceFailed):
    message = "Moodle answered with an error."


class MoodleForbidden(SourceForbidden):
    guidance = "Ask Moodle's administrator."


class CourseUnknown(MoodleForbidden):
    message = "Moodle knows no such course."
    guidance = (
        "It was deleted, or the address is another Moodle's than the one that launches: the administrator compares it "
        "with `lti-cert source show`."
    )


class LearnerGone(MoodleFailed):
    message = "A learner left Moodle while the course was read."


class ForumGone(MoodleFailed):
    message = "Moodle lists a forum that it does not find."


@dataclass(frozen=True)
class _Meaning:
    """Of an error code; `{said}` is Moodle's own message, `{function}` and `{needs}` are what was asked for."""

    kind: type[SourceFailed]
    message: str | None = None
    guidance: str | None = None


_NEW_TOKEN = "An administrator makes a new token in Moodle and connects it with `lti-cert source connect`."  # noqa: S105
_BLOCKED = _Meaning(
    MoodleForbidden,
    "The user of the token may not use Moodle's web services: “{said}”.",
    "Moodle's administrator looks at that user's account, or makes a token for another one.",
)
_NO_CAPABILITY = _Meaning(
    MoodleForbidden,
    "The user of the token lacks a permission: “{said}”.",
    "{function} needs {needs}: Moodle's administrator allows them to that user's role in this course.",
)
_NO_ENTRY = _Meaning(
    MoodleForbidden,
    "The user of the token cannot enter this course: “{said}”.",
    "Moodle's administrator gives that user a role with moodle/course:view in the course or its category, or enrols "
    "it.",
)
_MEANINGS: Mapping[str, _Meaning] = {
    "invalidtoken": _Meaning(
        MoodleForbidden, "Moodle does not know the token: it is wrong, was taken back or has expired.", _NEW_TOKEN
    ),
    "accessexception": _Meaning(
        MoodleForbidden,
        "Moodle's external service does not offer the function {function} to this token.",
        "Moodle's administrator adds the function to the service, and the token's user to its users.",
    ),
    "servicenotavailable": _Meaning(
        MoodleForbidden,
        "Moodle's external service is switched off or was removed.",
        "Moodle's administrator enables it under Site administration, Server, External services.",
    ),
    "nopermissions": _NO_CAPABILITY,
    "nopermissiontoviewgrades": _NO_CAPABILITY,
    "noviewdiscussionspermission": _NO_CAPABILITY,
    "notingroup": _Meaning(
        MoodleForbidden,
        "The user of the token sees only its own groups of this course.",
        f"Moodle's administrator allows {ALL_GROUPS} to that user's role.",
    ),
    "errorcoursecontextnotvalid": _NO_ENTRY,
    "requireloginerror": _NO_ENTRY,
    "invalidrecord": _Meaning(CourseUnknown),
    "invalidrecordunknown": _Meaning(CourseUnknown),
    "invalidcourseid": _Meaning(CourseUnknown),
    "unknowncourse": _Meaning(CourseUnknown),
    "invaliduser": _Meaning(LearnerGone),
    "userdeleted": _Meaning(LearnerGone),
    "usersuspended": _Meaning(LearnerGone),
    "suspended": _Meaning(LearnerGone),
    "invalidresponse": _Meaning(
        MoodleForbidden,
        "Moodle cannot send its own answer. Most likely the name of a grade item contains a bare “&”, on which "
        "Moodle's web service breaks.",
        "Rename that item in Moodle's gradebook, “and” in place of “&”, and sync again.",
    ),
    "sitemaintenance": _Meaning(
        MoodleFailed, "Moodle is closed for maintenance.", "Nothing was changed. It is tried again by itself."
    ),
    "sitepolicynotagreed": _BLOCKED,
    "passwordisexpired": _BLOCKED,
    "usernotallowed": _BLOCKED,
    "wsaccessuserdeleted": _BLOCKED,
    "wsaccessuserexpired": _BLOCKED,
    "wsaccessusernologin": _BLOCKED,
    "wsaccessusersuspended": _BLOCKED,
    "wsaccessuserunconfirmed": _BLOCKED,
}

_FORUM_GONE = "Unable to find forum with id"
"""So begins Moodle's error code, which goes on with the number."""

_LONGEST_QUOTE = 200


class MoodleService:
    """Threads may share one. The token goes into bodies only, never into an address, a log or a fault."""

    def __init__(self, base_url: str, token: str, http: Session, *, parallel: int, is_waited_for: bool = False) -> None:
        """`is_waited_for`: somebody sits and waits, so that nothing is tried again."""
        self.requests = 0
        self._url = base_url + PATH
        self._token = token
        self._parallel = parallel
        self._once, self._patient = http, http if is_waited_for else http.repeating_posts()
        self._lock = Lock()

    def ask(self, function: str, *, is_long: bool = False, **arguments: Any) -> Any:
        """The answer, which may be anything but an exception. A long one has `Elements` for its lists, and is
        not tried again where it fails.

        :raises SourceFailed: in one of its kinds.
        :raises ServiceFailed: an answer that is none of Moodle's, or one that asks to slow down.
        :raises PlatformUnreachable: no answer, one that is too large, or one that takes too long.
        """
        with self._lock:
            self.requests += 1
        form = {"wstoken": self._token, "wsfunction": function, "moodlewsrestformat": "json"}
        http = self._once if is_long else self._patient
        response = http.post(self._url, data={**form, **dict(_flat("", arguments))}, timeout=SECONDS)
        check_throttle(response)
        _check_place(response)
        answer = read_json(response, is_long=is_long)
        if isinstance(answer, Mapping) and "exception" in answer:
            raise _fault(function, answer)
        if not response.ok:
            raise MoodleFailed(f"{function}: HTTP {response.status_code}")
        return answer

    def ask_each(self, function: str, questions: Iterable[Mapping[str, Any]]) -> Iterator[Any]:
        """The answers in the order of the questions, a few of them on their way at a time."""
        asked = side_by_side.each(lambda one: self.ask(function, **one), questions, parallel=self._parallel)
        return (answer for _, answer in asked)


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """As PHP reads nested arguments from a form: `options[0][name]=…`."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flat(f"{name}[{key}]" if name else str(key), part)
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from _flat(f"{name}[{number}]", part)
    else:
        yield name, str(value)


def _check_place(response: Response) -> None:
    """:raises MoodleForbidden: this is not where Moodle's REST service is."""
    status, detail = response.status_code, f"{response.url}: HTTP {response.status_code}"
    if 300 <= status < 400:
        raise MoodleForbidden(
            detail,
            message="The address of Moodle leads on to another one, "
            f"{response.headers.get('Location', '').partition('?')[0]}.",
            guidance="The administrator connects it with the address that the browser shows when Moodle is open.",
        )
    if status == 404:
        raise MoodleForbidden(
            detail,
            message="There is no Moodle at the address that is set up, or not at this path.",
            guidance="The administrator connects it with the address under which Moodle's front page opens.",
        )
    if status == 403 and not response.content.strip():
        raise MoodleForbidden(
            detail,
            message="Moodle's web services, or their REST protocol, are switched off.",
            guidance="Moodle's administrator enables both under Site administration, Server, Web services.",
        )


def _fault(function: str, answer: Mapping[str, Any]) -> SourceFailed:
    code = str(answer.get("errorcode") or answer["exception"])
    said = one_line(str(answer.get("message") or code))[:_LONGEST_QUOTE]
    if code.startswith(_FORUM_GONE):
        return ForumGone(f"{function}: {code}")
    meaning = _MEANINGS.get(code, _Meaning(MoodleFailed, "Moodle answered with an error: “{said}”."))
    facts = {"said": said, "function": function, "needs": " and ".join(NEEDS[function])}
    return meaning.kind(
        f"{function}: {code}",
        message=meaning.message and meaning.message.format(**facts),
        guidance=meaning.guidance and meaning.guidance.format(**facts),
    )
