"""Each source by its name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lti_cert.core.errors import LtiCertError
from lti_cert.lti.answers import ServiceRefused, ServiceThrottled
from lti_cert.sources import ags, connections
from lti_cert.sources.snapshot import Reading, Snapshot, SourceFailed, SourceForbidden, SourceThrottled


@dataclass(frozen=True)
class Source:
    title: str
    """As it stands in a sentence."""
    read: Callable[[Reading, Snapshot], None]
    """Reads a course into the snapshot, going on where that stands; raises `SourceFailed` or a service's own faults."""
    counts: Sequence[str] = ()
    """Which activity it counts, if any."""
    is_pulled: bool = True
    """Whether we read it; else somebody brings it."""


SOURCES: dict[str, Source] = {"ags": Source("the gradebook", ags.read)}


_BEST_FIRST = ("canvas", "moodle")
"""Sources that see the whole gradebook; what they need is a connection, and to know the course."""


def best(registration_id: int, course_id: int, api_course_id: str) -> str:
    """The best source that a course can be read from."""
    for source in _BEST_FIRST:
        if source in SOURCES and api_course_id and connections.is_connected(registration_id, source, course_id):
            return source
    return "ags"


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
        raise SourceFailed(fault.detail, message=fault.shown_message, guidance=fault.shown_guidance) from fault
