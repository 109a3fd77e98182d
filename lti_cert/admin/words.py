"""Every word of ours that the console shows in place of a value of the program, and what it means: all in this file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lti_cert.courses.models import SyncOutcome
from lti_cert.lti.keys import KeyState
from lti_cert.lti.models import Standing
from lti_cert.outbox.models import RowState
from lti_cert.registration.invites import InviteState
from lti_cert.sources import choose

Tone = Literal["done", "info", "waiting", "failed"]


@dataclass(frozen=True)
class Health:
    """How a thing is."""

    tone: Tone
    word: str
    meaning: str = ""
    """A sentence: what it means, and what to do about it where something is to be done."""


COURSES: Mapping[str, Health] = {
    "failed": Health(
        "failed", "Cannot be read", "The reason says what the platform answered. Sync it again when that is mended."
    ),
    "held": Health(
        "waiting",
        "Waits for an instructor",
        "What was read last lacks much that was there before. An instructor looks at it in the course, under Overview.",
    ),
    "stale": Health(
        "waiting", "Out of date", "It was to be read hours ago. Do lti-cert relay and lti-cert worker run?"
    ),
    "new": Health("waiting", "Not read yet", "It is read within a minute of its first launch."),
    "off": Health("info", "Platform switched off", "It is read again when its platform is switched on."),
    "concluded": Health(
        "info", "Closed on the platform", "The platform tells no more of it. Instructors can still decide by hand."
    ),
    "over": Health("info", "Has ended", "It is not read by itself any more; the next launch reads it."),
    "asleep": Health("info", "Not in use", "Nobody has opened it for half a year; the next launch reads it."),
    "fresh": Health("done", "Up to date", "Its grades are read regularly."),
}
"""What needs an operator first."""

PLATFORMS: Mapping[str, Health] = {
    "pending": Health("waiting", "Waits for you", "Nobody can launch from it until you let them."),
    "inactive": Health("info", "Switched off", "Nobody can launch from it, and its courses are not read."),
    "keys_never_read": Health(
        "failed", "Its keys cannot be read", "Every launch is refused. Does its key set address answer?"
    ),
    "keys_not_read": Health(
        "failed",
        "Its keys cannot be read",
        "Launches are checked with those that were read before. Does its key set address still answer?",
    ),
    "connection_broken": Health(
        "failed",
        "Its token is refused",
        "It does not accept the token any more by which its courses are read. Make a new one there, and connect it "
        "with lti-cert source connect.",
    ),
    "deployment_waits": Health("waiting", "A deployment waits", "Accept those that you know."),
    "course_troubled": Health("failed", "Courses in trouble", "The list of its courses says what is wrong."),
    "not_launched": Health("info", "Not launched yet", "Open the tool from a course there once."),
    "well": Health("done", "Works", "People launch from it and its courses are read."),
}

PLATFORM_KEYS: Mapping[str, Health] = {
    "not_asked": Health("info", "Not asked for yet", "The first launch asks for them."),
    "never_read": Health("failed", "Never read", PLATFORMS["keys_never_read"].meaning),
    "not_read": Health("failed", "Cannot be read", PLATFORMS["keys_not_read"].meaning),
    "read": Health("done", "Read"),
}

DEPLOYMENTS: Mapping[str, Health] = {
    Standing.PENDING: Health("waiting", "Waits for you", "Somebody tried to launch from it."),
    Standing.ACTIVE: Health("done", "May launch"),
    Standing.INACTIVE: Health("info", "Switched off", "Nobody can launch from it."),
}

INVITES: Mapping[str, Health] = {
    InviteState.OPEN: Health("waiting", "Open", "A platform can register with it."),
    InviteState.USED: Health("done", "Used", "A platform has registered with it."),
    InviteState.EXPIRED: Health("info", "Expired", "Nobody used it in time."),
    InviteState.WITHDRAWN: Health("info", "Withdrawn", "Nobody can register with it any more."),
}

SYNCS: Mapping[str, Health] = {
    SyncOutcome.STORED: Health("done", "Read"),
    SyncOutcome.RUNNING: Health("info", "Being read"),
    SyncOutcome.PAUSED: Health("waiting", "Pauses", "The platform asked for it; it goes on by itself."),
    SyncOutcome.HELD: Health("waiting", "Waits for an instructor"),
    SyncOutcome.FAILED: Health("failed", "Failed"),
    SyncOutcome.CANCELLED: Health("info", "Stopped by an instructor"),
    SyncOutcome.FINAL: Health("info", "Closed on the platform"),
}

KEYS: Mapping[str, Health] = {
    KeyState.SIGNING: Health("done", "Signs now", "What this tool says to platforms is signed with it."),
    KeyState.NEXT: Health("info", "Signs next", "Published already, so that platforms know it before it signs."),
    KeyState.PREVIOUS: Health("waiting", "Replaced", "Still published, since what it signed may be on its way."),
    KeyState.RETIRED: Health("info", "Out of use", "Not published any more; the next rotation removes its file."),
}

TASKS: Mapping[str, Health] = {
    RowState.SET_ASIDE: Health(
        "failed", "Set aside", "Failed again and again. Mend what its error names and retry it, or discard it."
    ),
    RowState.WAITING: Health("waiting", "Waiting", "Begins when it is due and a worker is free."),
    RowState.RUNNING: Health("info", "Running", "A worker is at it."),
    RowState.DONE: Health("done", "Done", "Kept here for 30 days."),
    RowState.OVERTAKEN: Health(
        "info", "Not needed any more", "Something newer took its place, or an administrator discarded it."
    ),
}

JOBS: Mapping[str, str] = {
    "sync": "Read the grades of a course",
    "sync soon": "Read the grades of a course after a change",
    "evaluate": "Work out who has earned a certificate",
    "count feed": "Count posts and notes that a platform sent",
    "count feed of course": "Count the posts and notes of a course again",
    "revoke": "Have a platform revoke connections that were given up",
    "issue": "Make the document of a certificate",
    "issue waiting": "Make documents that waited for a name",
    "tell issued": "Mail a learner that the certificate is there",
    "tell late": "Mail a learner whose address came later that her certificate is there",
    "tell denied": "Mail a learner that a certificate was denied",
    "tell revoked": "Mail a learner that a certificate was revoked",
    "digest": "Mail instructors what waits for them",
}
"""By the name of the job in `lti_cert.jobs`."""

_THINGS: Mapping[str, str] = {
    "registration": "platform",
    "invite": "invitation",
    "admin": "administrator",
    "outbox row": "task",
}
"""What the program calls otherwise than the console."""


def source(name: str) -> str:
    """Where a course's grades come from."""
    title = choose.SOURCES[name].title
    return title[:1].upper() + title[1:]


def thing(name: str) -> str:
    return _THINGS.get(name, name)


def about(payload: Mapping[str, Any]) -> str:
    """What a task is about, by the ids it carries: "course 3, platform 1"."""
    return ", ".join(
        f"{thing(name.removesuffix('_id').replace('_', ' '))} {value}" for name, value in sorted(payload.items())
    )


def subject(text: str) -> str:
    """What a deed was done to: "platform 3" for "registration 3"."""
    kind, _, number = text.rpartition(" ")
    return f"{thing(kind)} {number}"


def searched(text: str) -> str:
    """What somebody looks for in the audit log, in the words that are stored there."""
    for stored, shown in _THINGS.items():
        text = text.lower().replace(shown, stored)
    return text


_DETAILS: Mapping[str, str] = {
    "activates": "may launch as soon as it has registered",
    "accepts_new_deployments": "new deployments may launch at once",
    "auth_url": "login address",
    "token_url": "token address",
    "jwks_url": "key set address",
    "client_id": "client id",
    "deployment_id": "deployment",
    "invite": "invitation",
    "parallel": "requests at a time",
    "standing": "standing",
    "to": "to platform",
    "assistants_approve": "assistants may approve",
    "fresh_minutes": "minutes between readings",
    "url": "address",
}
_VALUES: Mapping[str, str] = {
    Standing.PENDING: "waits for an administrator",
    Standing.ACTIVE: "may launch",
    Standing.INACTIVE: "switched off",
}


def details(detail: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What an entry of the audit log says beside deed and subject: a label and a value each, nothing that is empty."""
    for name, value in sorted(detail.items()):
        if value not in (None, ""):
            label = _DETAILS.get(name, name.replace("_", " "))
            yield label, " → ".join(map(_value, value)) if isinstance(value, list) else _value(value)


def _value(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "yes" if value else "no" if value is False else "none"
    return _VALUES.get(value, str(value)) or "none"
