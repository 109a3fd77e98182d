"""One-time invitations: made by an administrator, claimed by who registers, used up by success alone."""

from datetime import timedelta

from sqlalchemy import Update, or_, select, update

from lti_cert.core import audit, clock, current, ids
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import LtiCertError
from lti_cert.lti.models import Registration
from lti_cert.registration.models import Invite

LIFETIME = timedelta(days=7)

TRY = timedelta(minutes=2)
"""Longer than one try can take."""

_ASK_FOR_ANOTHER = (
    "Ask the administrator of this tool for a new registration address; `lti-cert platform invite` or the console "
    "makes one."
)


class InviteMissing(LtiCertError):
    title = "This address is not complete"
    message = "A platform registers with this tool by an invitation, and the address holds no invitation code."
    guidance = f"Paste the whole address. {_ASK_FOR_ANOTHER}"


class InviteUnknown(LtiCertError):
    status = 404
    title = "This invitation is not known"
    message = "Its code is none that this tool has given out."
    guidance = f"Paste the whole address, to its last letter. {_ASK_FOR_ANOTHER}"


class InviteExpired(LtiCertError):
    status = 410
    title = "This invitation has expired"
    message = "It was not used in time."
    guidance = _ASK_FOR_ANOTHER


class InviteUsed(LtiCertError):
    status = 409
    title = "This invitation has been used"
    message = "A platform has registered with it already, and each invitation serves one."
    guidance = f"If that was you, close this window. Otherwise: {_ASK_FOR_ANOTHER[0].lower()}{_ASK_FOR_ANOTHER[1:]}"


class InviteBusy(LtiCertError):
    status = 409
    title = "Somebody is registering with this invitation"
    message = "Another window is using it just now."
    guidance = "Wait for that window to finish; if nothing comes of it, try again in two minutes."


def create(
    *,
    actor: str,
    name: str = "",
    activates: bool = False,
    accepts_new_deployments: bool | None = None,
    lifetime: timedelta = LIFETIME,
) -> str:
    """The address with which one platform can register; it is told once. In the caller's transaction."""
    code, now = ids.random_id(), clock.now()
    invite = Invite(
        code=ids.fingerprint(code),
        name=name.strip(),
        activates=activates,
        accepts_new_deployments=accepts_new_deployments,
        expires_at=now + lifetime,
        created_at=now,
    )
    db.session.add(invite)
    db.session.flush()
    audit.record(actor, "platform invited", f"invite {invite.id}", activates=activates, name=invite.name)
    return f"{current.settings().base_url}/lti/register?code={code}"


def claim(code: str) -> Invite:
    """Keep the invitation for this try. Not in a transaction: others shall see it at once.

    :raises InviteMissing, InviteUnknown, InviteExpired, InviteUsed, InviteBusy: it cannot be used now.
    """
    if not code:
        raise InviteMissing
    now = clock.now()
    with transaction() as session:
        invite = session.scalar(select(Invite).filter_by(code=ids.fingerprint(code)))
        if invite is None:
            raise InviteUnknown
        if invite.used_at is not None:
            raise InviteUsed(f"invite {invite.id}: registration {invite.registration_id}")
        if invite.expires_at <= now:
            raise InviteExpired(f"invite {invite.id}")
        is_free = or_(Invite.claimed_until.is_(None), Invite.claimed_until <= now)
        row = update(Invite).where(Invite.id == invite.id, Invite.used_at.is_(None), is_free)
        if session.scalar(row.values(claimed_until=now + TRY).returning(Invite.id)) is None:
            raise InviteBusy(f"invite {invite.id}")
    session.refresh(invite)
    session.expunge(invite)
    return invite


def release(claimed: Invite) -> None:
    """Nothing came of the try: the invitation may be used again."""
    with transaction() as session:
        session.execute(_ours(claimed).values(claimed_until=None))


def use(claimed: Invite, registration: Registration) -> None:
    """In the caller's transaction, so that it is used up with what it registers or not at all.

    :raises InviteBusy: the try took so long that somebody else has begun one.
    """
    row = _ours(claimed).values(used_at=clock.now(), registration_id=registration.id, claimed_until=None)
    if db.session.scalar(row.returning(Invite.id)) is None:
        raise InviteBusy(f"invite {claimed.id}: the claim was lost")


def _ours(claimed: Invite) -> Update:
    return update(Invite).where(
        Invite.id == claimed.id, Invite.used_at.is_(None), Invite.claimed_until == claimed.claimed_until
    )
