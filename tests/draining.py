"""Run what the outbox promised, here and now, through the code of relay and worker but without Redis between them."""

from sqlalchemy import select

from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.outbox import relay, run
from lti_cert.outbox.models import OutboxRow, RowState
from lti_cert.outbox.outbox import job_map


def drain(*, rounds: int = 50) -> int:
    """Claim and run due rows until none is left; how many ran."""
    total = 0
    for _ in range(rounds):
        ran = 0
        for job in job_map().by_name.values():
            rows = relay.claim(job, 100, clock.now())
            run.drain([row.id for row in rows])
            ran += len(rows)
        db.session.rollback()
        if not ran:
            return total
        total += ran
    raise AssertionError(f"rows are still due after {rounds} rounds")


def drain_only(*jobs: str) -> None:
    """Run the due rows of these jobs, each once, and leave what follows where it is."""
    for name in jobs:
        run.drain([row.id for row in relay.claim(job_map().by_name[name], 100, clock.now())])


def outcomes(job: str) -> list[tuple[str, str]]:
    """How the rows of a job stand, the oldest first: (state, note)."""
    db.session.rollback()
    query = select(OutboxRow.state, OutboxRow.note).where(OutboxRow.job == job).order_by(OutboxRow.id)
    return [(state, note) for state, note in db.session.execute(query)]


def forget(job: str) -> None:
    """As if the workers had died before they could write down that their rows were done."""
    with transaction() as session:
        for row in session.scalars(select(OutboxRow).where(OutboxRow.job == job)):
            row.state, row.handed_until, row.finished_at = RowState.WAITING, None, None
