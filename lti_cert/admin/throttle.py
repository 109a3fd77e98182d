"""How often somebody may try to sign in: counted in SQL, so that several web processes count together.

Three things are counted in windows of a quarter of an hour: an account from one network, a network, and an account from
everywhere. An attempt that is refused for its number counts nowhere, and a window is not prolonged by it. So nobody is
locked out for good; and where an account has signed in before, a flood from elsewhere does not keep its owner out.
"""

from datetime import datetime, timedelta

from sqlalchemy import case, delete, exists, select

from lti_cert.admin.models import SignInCount
from lti_cert.core import clock, ids
from lti_cert.core.database import db, insert, transaction
from lti_cert.core.errors import LtiCertError
from lti_cert.core.web import visitors_site

WINDOW = timedelta(minutes=15)
PER_ACCOUNT_AND_SITE = 5
PER_SITE = 30
PER_ACCOUNT = 100

KNOWN = timedelta(days=30)
"""For how long a network is one from which an account has signed in."""


class TooManyAttempts(LtiCertError):
    status = 429
    title = "Too many attempts to sign in"
    message = "Somebody has tried to sign in to this account, or from this network, too often."
    guidance = "Wait a quarter of an hour and try again."


def count_attempt(account: str) -> None:
    """Before the password is looked at. In a transaction of its own.

    :raises TooManyAttempts: it is not to be looked at.
    """
    site, now = visitors_site(), clock.now()
    limits = {_key("here", account, site): PER_ACCOUNT_AND_SITE, _key("site", site): PER_SITE}
    with transaction():
        if not _is_known(account, site, now):
            limits[_key("account", account)] = PER_ACCOUNT
        # In one order everywhere: two attempts at once do not wait for each other in a circle.
        for key in sorted(limits):
            if _count(key, now) > limits[key]:
                raise TooManyAttempts


def recognise(account: str) -> None:
    """After a right password. In the caller's transaction."""
    site, now = visitors_site(), clock.now()
    db.session.execute(delete(SignInCount).where(SignInCount.key == _key("here", account, site)))
    known = insert(SignInCount).values(key=_key("known", account, site), count=1, ends_at=now + KNOWN)
    db.session.execute(known.on_conflict_do_update(index_elements=["key"], set_={"ends_at": known.excluded.ends_at}))


def _is_known(account: str, site: str, now: datetime) -> bool:
    row = exists().where(SignInCount.key == _key("known", account, site), SignInCount.ends_at > now)
    return bool(db.session.scalar(select(row)))


def _count(key: str, now: datetime) -> int:
    """Count one more; the row stays locked until the transaction ends, so that no two count the same."""
    first = insert(SignInCount).values(key=key, count=1, ends_at=now + WINDOW)
    is_over = SignInCount.ends_at <= now
    counted = first.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "count": case((is_over, 1), else_=SignInCount.count + 1),
            "ends_at": case((is_over, first.excluded.ends_at), else_=SignInCount.ends_at),
        },
    ).returning(SignInCount.count)
    number: int = db.session.execute(counted).scalar_one()
    return number


def _key(*parts: str) -> str:
    return ids.fingerprint("\n".join(parts))
