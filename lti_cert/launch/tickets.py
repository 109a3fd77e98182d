"""Addresses that open without a bearer token for a while: a PDF, a new tab, the way back from another site.

Most may be fetched more than once, since the viewers of phones fetch twice.
"""

from datetime import timedelta
from urllib.parse import urlencode

from sqlalchemy import delete, select

from lti_cert.core import clock, ids
from lti_cert.core.database import db, transaction
from lti_cert.launch import session
from lti_cert.launch.failures import TicketEnded
from lti_cert.launch.models import PanelSession, Ticket

LIFETIME = timedelta(minutes=5)


def issue(holder: PanelSession, path: str) -> str:
    """The address that opens `path`, and nothing else, with the powers of this session."""
    return f"{path}?{urlencode({'ticket': secret(holder, path)})}"


def secret(holder: PanelSession, path: str, lifetime: timedelta = LIFETIME) -> str:
    """What `redeem` and `use_up` take for this path."""
    made = ids.random_id()
    with transaction():
        db.session.add(
            Ticket(secret=ids.fingerprint(made), session_id=holder.id, path=path, expires_at=clock.now() + lifetime)
        )
    return made


def redeem(secret: str, path: str) -> PanelSession:
    """The session that a ticket for this path speaks for.

    :raises TicketEnded: it is unknown, too old, or for another path.
    :raises failures.SessionEnded: its session is over.
    """
    ticket = db.session.scalar(select(Ticket).filter_by(secret=ids.fingerprint(secret), path=path))
    if ticket is None or ticket.expires_at <= clock.now():
        raise TicketEnded(f"for {path}")
    return session.by_id(ticket.session_id)


def use_up(secret: str, path: str) -> PanelSession:
    """As `redeem`, once."""
    holder = redeem(secret, path)
    used = delete(Ticket).where(Ticket.secret == ids.fingerprint(secret), Ticket.path == path).returning(Ticket.id)
    with transaction():
        if db.session.scalar(used.execution_options(synchronize_session=False)) is None:
            raise TicketEnded(f"for {path}, used meanwhile")
    return holder
