"""What the feed brought; `jobs` says what follows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FeedReceived:
    registration_id: int
