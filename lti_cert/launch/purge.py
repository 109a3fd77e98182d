"""What has expired is removed by the clock: logins, tickets, sessions."""

from collections.abc import Sequence

from sqlalchemy import delete

from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.launch.models import LoginState, PanelSession, Ticket


def purge() -> Sequence[object]:
    """What the clock does; no event follows."""
    now = clock.now()
    with transaction():
        for kind in (LoginState, Ticket, PanelSession):
            db.session.execute(delete(kind).where(kind.expires_at <= now))
    return ()
