"""Each source by its name."""

from collections.abc import Callable

from lti_cert.core.errors import LtiCertError
from lti_cert.lti.answers import ServiceRefused, ServiceThrottled
from lti_cert.sources import ags
from lti_cert.sources.snapshot import Reading, Snapshot, SourceFailed, SourceForbidden, SourceThrottled

SOURCES: dict[str, Callable[[Reading, Snapshot], None]] = {"ags": ags.read}


def read(source: str, reading: Reading, snapshot: Snapshot) -> None:
    """Read a course into `snapshot`, going on where it stands. Outside a transaction: it takes its time.

    :raises SourceFailed: in one of its kinds; the snapshot is not complete then.
    """
    try:
        SOURCES[source](reading, snapshot)
    except SourceFailed:
        raise
    except ServiceThrottled as fault:
        raise SourceThrottled(fault.detail, fault.seconds) from fault
    except ServiceRefused as fault:
        raise SourceForbidden(fault.detail, message=fault.shown_message, guidance=fault.shown_guidance) from fault
    except LtiCertError as fault:
        raise SourceFailed(fault.detail, message=fault.shown_message, guidance=fault.shown_guidance) from fault
