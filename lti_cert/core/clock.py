"""The only place that asks what time it is, so that tests can travel."""

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)
