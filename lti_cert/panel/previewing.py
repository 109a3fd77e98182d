"""What a change would do to people, as it is shown before it is made."""

from collections.abc import Sequence

from lti_cert.certificates import preview
from lti_cert.panel.instructor_pages import Movement, Preview

MOST_NAMES = 50
"""More are a list that nobody reads; their number is always said."""


def shown(rehearsed: preview.Preview, *, approval: bool, seen: str = "", warnings: tuple[str, ...] = ()) -> Preview:
    return Preview(
        newly=_movement(rehearsed.newly),
        lapsing=_movement(rehearsed.lapsing),
        flagged=_movement(rehearsed.flagged),
        unchanged=rehearsed.unchanged,
        approval=approval,
        awards=rehearsed.awards,
        is_over_brake=rehearsed.is_over_brake,
        seen=seen,
        warnings=warnings,
    )


def _movement(names: Sequence[str]) -> Movement:
    return Movement(len(names), tuple(names[:MOST_NAMES]))
