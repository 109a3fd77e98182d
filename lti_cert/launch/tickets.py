"""Addresses that open without a bearer token for five minutes: a PDF, a new tab.

They may be fetched more than once, since the viewers of phones fetch twice.
"""

from datetime import timedelta
from urllib.parse import urlencode

from sqlalchemy import select

from lti_cert.core import clock, ids
from lti_cert.core.database import db, transaction
from lti_cert.launch import session
from lti_cert.launch.failures import TicketEnded
from lti_cert.launch.models import PanelSession, Ticket

LIFETIME = timedelta(minutes=5)


def issue(holder: PanelSession, path: str) -> str:
    """The address that opens `path`, and nothing else, with the powers of this session."""
    secret = ids.random_id()
    with transaction():
        db.session.add(
            Ticket(secret=ids.fingerprint(secret), session_id=holder.id, path=path, expires_at=clock.now() + LIFETIME)
        )
    return f"{path}?{urlencode({'ticket': secret})}"


def redeem(secret: str, path: str) -> PanelSession:
    """The session that a ticket for this path speaks for.

    :raises TicketEnded: it is unknown, too old, or for another path.
    :raises failures.SessionEnded: its session is over.
    """
    ticket = db.session.scalar(select(Ticket).filter_by(secret=ids.fingerprint(secret), path=path))
    if ticket is None or ticket.expires_at <= clock.now():
        raise TicketEnded(f"for {path}")
    return session.by_id(ticket.session_id)
