"""Each source by its name."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lti_cert.core.errors import InputRejected, LtiCertError
from lti_cert.core.http import PlatformUnreachable
from lti_cert.lti.answers import ServiceRefused, ServiceThrottled
from lti_cert.sources import ags, canvas, connections, csv_gradebook, moodle
from lti_cert.sources.snapshot import (
    DISCUSSION_POSTS,
    Finding,
    Reading,
    Snapshot,
    SourceFailed,
    SourceForbidden,
    SourceThrottled,
)


def _nothing_to_read(_reading: Reading, _snapshot: Snapshot) -> None:
    raise SourceFailed(
        message="Somebody brings these grades; they cannot be read.",
        guidance="An instructor uploads a newer gradebook, or tries another source.",
    )


def _nothing_to_check(_reading: Reading) -> Iterable[Finding]:
    return (Finding(True, "There is nothing to connect: an instructor uploads the gradebook."),)


@dataclass(frozen=True)
class Source:
    title: str
    """As it stands in a sentence."""
    read: Callable[[Reading, Snapshot], None]
    """Reads a course into the snapshot, going on where that stands; raises `SourceFailed` or a service's own faults."""
    check: Callable[[Reading], Iterable[Finding]] = _nothing_to_check
    """Tries out what a reading needs, storing nothing; raises as `read` does."""
    connects_by: Sequence[str] = ()
    """What an administrator has to say to connect a platform's interface: of url, client_id, secret, token."""
    counts: Sequence[str] = ()
    """Which activity it counts, if any."""
    is_pulled: bool = True
    """Whether we read it; else somebody brings it."""


SOURCES: dict[str, Source] = {
    "ags": Source("the gradebook", ags.read, ags.check),
    canvas.NAME: Source(
        "Canvas",
        canvas.read,
        canvas.check,
        connects_by=("url", "client_id", "secret"),
        counts=(DISCUSSION_POSTS,),
    ),
    moodle.NAME: Source(
        "Moodle's gradebook", moodle.read, moodle.check, connects_by=("url", "token"), counts=(DISCUSSION_POSTS,)
    ),
    csv_gradebook.NAME: Source("the uploaded gradebook", _nothing_to_read, is_pulled=False),
}

_BEST_FIRST = (canvas.NAME, moodle.NAME)
"""Sources that see the whole gradebook; what they need is a connection, and to know the course."""


def best(registration_id: int, course_id: int, api_course_id: str) -> str:
    """The best source that a course can be read from."""
    for source in _BEST_FIRST:
        if api_course_id and connections.is_connected(registration_id, source, course_id):
            return source
    return "ags"


def find(name: str) -> Source:
    """:raises InputRejected: there is none of this name."""
    if name not in SOURCES:
        raise InputRejected(f"“{name[:50]}” is no source that there is. There are: {', '.join(SOURCES)}.")
    return SOURCES[name]


def read(source: str, reading: Reading, snapshot: Snapshot) -> None:
    """Read a course into `snapshot`, going on where it stands. Outside a transaction: it takes its time.

    :raises SourceFailed: in one of its kinds; the snapshot is not complete then.
    """
    try:
        SOURCES[source].read(reading, snapshot)
    except SourceFailed:
        raise
    except ServiceThrottled as fault:
        raise SourceThrottled(fault.detail, fault.seconds) from fault
    except ServiceRefused as fault:
        raise SourceForbidden(fault.detail, message=fault.shown_message, guidance=fault.shown_guidance) from fault
    except LtiCertError as fault:
        raise SourceFailed(fault.detail, message=fault.shown_message, guidance=_guidance(fault)) from fault


def _guidance(fault: LtiCertError) -> str | None:
    """None where it is what any page says to whoever looks at it: a reading goes on without them."""
    is_a_pages = fault.shown_guidance in {LtiCertError.guidance, PlatformUnreachable.guidance}
    return None if is_a_pages else fault.shown_guidance


def check(source: str, reading: Reading) -> Sequence[Finding]:
    """What can be read and what cannot, in words. Outside a transaction: it takes its time."""
    found: list[Finding] = []
    try:
        for finding in SOURCES[source].check(reading):
            found.append(finding)  # each at once, so that a fault in the next takes none away
    except LtiCertError as fault:
        found.append(Finding(False, fault.shown_message, fault.shown_guidance))
    return found
