"""`lti-cert outbox …`"""

import click

from lti_cert.cli.common import actor, as_json, in_app, number, print_rows
from lti_cert.core import audit
from lti_cert.core.database import transaction
from lti_cert.outbox import tending
from lti_cert.outbox.models import RowState

MOST_LISTED = 100_000


@click.group()
def outbox() -> None:
    """Side effects: waiting, done, set aside."""


@outbox.command("list")
@click.option("--state", type=click.Choice([str(state) for state in RowState]), help="Only these.")
@click.option("--limit", type=click.IntRange(1, MOST_LISTED), default=200, show_default=True)
@as_json
@in_app
def outbox_list(state: str | None, limit: int, as_json: bool) -> None:
    """The newest rows first."""
    print_rows(
        (
            {
                "id": row.id,
                "event": row.event,
                "job": row.job,
                "payload": row.payload,
                "state": row.state,
                "attempts": row.attempts,
                "due_at": row.due_at.isoformat(timespec="seconds"),
                "note": row.note,
            }
            for row in tending.rows(state, limit)
        ),
        as_json,
    )


@outbox.command("retry")
@click.argument("row_id", metavar="ID", type=number)
@in_app
def outbox_retry(row_id: int) -> None:
    """Try a row again that was set aside."""
    with transaction():
        tending.retry(row_id, actor=actor())
        audit.record(actor(), "task retried", f"outbox row {row_id}")


@outbox.command("discard")
@click.argument("row_id", metavar="ID", type=number)
@in_app
def outbox_discard(row_id: int) -> None:
    """Give a row up that was set aside."""
    with transaction():
        tending.discard(row_id, actor=actor())
        audit.record(actor(), "task discarded", f"outbox row {row_id}")
