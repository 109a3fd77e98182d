"""Each source by its name."""

from collections.abc import Callable

from lti_cert.sources import ags
from lti_cert.sources.snapshot import Reading, Snapshot

SOURCES: dict[str, Callable[[Reading], Snapshot]] = {"ags": ags.read}


def read(source: str, reading: Reading) -> Snapshot:
    """:raises SourceFailed: the reading could not be completed."""
    return SOURCES[source](reading)
