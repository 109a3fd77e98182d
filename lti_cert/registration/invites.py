"""One-time invitations: made by an administrator, claimed by who registers, used up by success alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, Update, func, or_, select, update

from lti_cert.core import audit, clock, current, ids
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import Conflict, LtiCertError, NotFound
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


class InviteWithdrawn(LtiCertError):
    status = 410
    title = "This invitation has been withdrawn"
    message = "The administrator of this tool has taken it back before a platform registered with it."
    guidance = _ASK_FOR_ANOTHER


class InviteBusy(LtiCertError):
    status = 409
    title = "Somebody is registering with this invitation"
    message = "Another window is using it just now."
    guidance = "Wait for that window to finish; if nothing comes of it, try again in two minutes."


class InviteNotFound(NotFound):
    title = "No such invitation"
    message = "There is no invitation with this number."
    guidance = "The list of invitations (`lti-cert platform invites`) shows those there are."


class InviteNotOpen(Conflict):
    title = "This invitation is not open any more"
    guidance = "Nothing was changed."


class InviteState(StrEnum):
    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Created:
    invite_id: int
    address: str
    """Holds the code, which is told here and kept nowhere."""
    expires_at: datetime


def create(
    *,
    actor: str,
    name: str = "",
    activates: bool = False,
    accepts_new_deployments: bool | None = None,
    lifetime: timedelta = LIFETIME,
) -> Created:
    """Let one platform register. In the caller's transaction."""
    code, now = ids.random_id(), clock.now()
    invite = Invite(
        code=ids.fingerprint(code),
        name=name.strip(),
        activates=activates,
        accepts_new_deployments=accepts_new_deployments,
        created_by=actor,
        expires_at=now + lifetime,
        created_at=now,
    )
    db.session.add(invite)
    db.session.flush()
    audit.record(actor, "platform invited", f"invite {invite.id}", activates=activates, name=invite.name)
    return Created(invite.id, f"{current.settings().base_url}/lti/register?code={code}", invite.expires_at)


def listing() -> Select[Any]:
    """All invitations, the newest first."""
    return select(Invite).order_by(Invite.id.desc())


def open_count() -> int:
    is_open = (Invite.used_at.is_(None), Invite.withdrawn_at.is_(None), Invite.expires_at > clock.now())
    return db.session.scalar(select(func.count()).select_from(Invite).where(*is_open)) or 0


def state(invite: Invite) -> InviteState:
    if invite.used_at is not None:
        return InviteState.USED
    if invite.withdrawn_at is not None:
        return InviteState.WITHDRAWN
    return InviteState.EXPIRED if invite.expires_at <= clock.now() else InviteState.OPEN


_NOT_OPEN = {
    InviteState.USED: "A platform has registered with it already; it is switched off under Platforms, or with "
    "`lti-cert platform deactivate`.",
    InviteState.EXPIRED: "It has expired, so nobody can register with it.",
    InviteState.WITHDRAWN: "It has been withdrawn already.",
}


def get(invite_id: int) -> Invite:
    """:raises InviteNotFound: there is none with this id."""
    found = db.session.get(Invite, invite_id)
    if found is None:
        raise InviteNotFound(f"invite {invite_id}")
    return found


def withdraw(invite_id: int, *, actor: str) -> None:
    """Nobody registers with it any more; a try that is under way fails. In the caller's transaction.

    :raises InviteNotOpen: it has been used or withdrawn, or has expired.
    """
    invite = get(invite_id)
    row = update(Invite).where(Invite.id == invite_id, Invite.used_at.is_(None), Invite.withdrawn_at.is_(None))
    is_open = state(invite) is InviteState.OPEN
    if not is_open or db.session.scalar(row.values(withdrawn_at=clock.now()).returning(Invite.id)) is None:
        db.session.refresh(invite)
        raise InviteNotOpen(f"invite {invite_id}", message=_NOT_OPEN[state(invite)])
    audit.record(actor, "invitation withdrawn", f"invite {invite_id}", name=invite.name)


def claim(code: str) -> Invite:
    """Keep the invitation for this try. Not in a transaction: others shall see it at once.

    :raises InviteMissing, InviteUnknown, InviteUsed, InviteWithdrawn, InviteExpired, InviteBusy: it cannot be used now.
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
        if invite.withdrawn_at is not None:
            raise InviteWithdrawn(f"invite {invite.id}")
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

    :raises InviteWithdrawn: an administrator took it back meanwhile.
    :raises InviteBusy: the try took so long that somebody else has begun one.
    """
    row = _ours(claimed).values(used_at=clock.now(), registration_id=registration.id, claimed_until=None)
    if db.session.scalar(row.returning(Invite.id)) is None:
        if get(claimed.id).withdrawn_at is not None:
            raise InviteWithdrawn(f"invite {claimed.id}: during the try")
        raise InviteBusy(f"invite {claimed.id}: the claim was lost")


def _ours(claimed: Invite) -> Update:
    return update(Invite).where(
        Invite.id == claimed.id,
        Invite.used_at.is_(None),
        Invite.withdrawn_at.is_(None),
        Invite.claimed_until == claimed.claimed_until,
    )
