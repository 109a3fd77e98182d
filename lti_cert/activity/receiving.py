"""Take in what a sensor sent: as little as can be done while it waits."""

from typing import Any

from sqlalchemy import false, literal, select, true

from lti_cert.activity.envelope import Envelope, Event, Kind
from lti_cert.activity.events import FeedReceived
from lti_cert.activity.models import FeedEvent
from lti_cert.core import clock, ids
from lti_cert.core.database import db, insert, record_set
from lti_cert.outbox import outbox


def receive(registration_id: int, envelope: Envelope) -> int:
    """Keep the events that may count, each once, and promise that they will be counted; how many were new.

    One insert, and a row of the outbox that the whole burst shares. In the caller's transaction.
    """
    # In one order everywhere, so that two sensors that send the same do not wait for each other in a circle.
    kept = sorted((event for event in envelope.events if _may_count(event)), key=lambda event: event.id)
    if not kept:
        return 0
    rows = record_set(
        "told",
        dict.fromkeys(("event_id", "kind", "naming", "actor", "course", "thing"), str),
        [(e.id, e.kind, e.naming, e.actor, e.course, ids.fingerprint(e.thing or e.id)) for e in kept],
    )
    columns: dict[str, Any] = {
        "registration_id": literal(registration_id),
        "received_at": literal(clock.now(), FeedEvent.received_at.type),
        "is_counted": false(),
        **{column.name: column for column in rows.c},
    }
    new = db.session.execute(
        insert(FeedEvent)
        # WHERE TRUE: without it SQLite takes ON CONFLICT for the condition of a join.
        .from_select(list(columns), select(*columns.values()).where(true()))
        .on_conflict_do_nothing()
        .returning(FeedEvent.id)
    ).all()
    if new:
        outbox.add(FeedReceived(registration_id))
    return len(new)


def _may_count(event: Event) -> bool:
    """Not what nobody but its author can read, nor what names no course or nobody in it."""
    if event.kind is Kind.REMOVAL:
        return True
    return bool(event.is_public and event.course and (event.actor or event.kind is Kind.GRADE))
