"""Faults in discussions, by that name: grades and posts are one reading, and people want to know which has failed."""

from collections.abc import Iterator
from contextlib import contextmanager

from lti_cert.core.http import PlatformUnreachable
from lti_cert.lti.answers import ServiceThrottled
from lti_cert.sources.snapshot import ReadingCancelled, SourceFailed, SourceThrottled


@contextmanager
def named_in_faults() -> Iterator[None]:
    try:
        yield
    except (ServiceThrottled, SourceThrottled, ReadingCancelled):
        raise
    except (SourceFailed, PlatformUnreachable) as fault:
        fault.shown_message = f"The discussions of this course could not be read. {fault.shown_message}"
        raise


def uncounted(number: int) -> str:
    """What the limits say of discussions that are listed, and are not there when they are asked for."""
    return (
        f"{number} of the discussions are listed but gone when they are asked for, so that their posts are not counted."
    )
