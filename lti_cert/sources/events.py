"""What happens to connections that others may follow up."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GrantsWithdrawn:
    registration_id: int
