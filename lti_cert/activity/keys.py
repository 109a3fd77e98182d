"""The keys with which platforms send their feed: one a platform, known here by its fingerprint only."""

from datetime import timedelta

from sqlalchemy import ColumnElement, delete, or_, select, update

from lti_cert.activity.models import CaliperKey
from lti_cert.core import clock, ids
from lti_cert.core.database import db
from lti_cert.core.errors import LtiCertError
from lti_cert.lti import registrations
from lti_cert.lti.models import Registration, Standing

OVERLAP = timedelta(days=1)
"""A key that was replaced goes on for so long."""

_KEY_LENGTH = 43


class CaliperKeyRefused(LtiCertError):
    status = 401
    title = "This key opens nothing here"
    message = "Events are taken with a key of this tool, sent as “Authorization: Bearer KEY”."
    guidance = "`lti-cert platform caliper-key ID` makes one; a replaced key ends after a day, a revoked one at once."


def make(registration_id: int) -> str:
    """A new key, which nobody can read here again; the one before ends soon, older ones now. In the caller's
    transaction.

    :raises registrations.RegistrationNotFound: there is no such platform.
    """
    registrations.get(registration_id).has_feed = True
    now = clock.now()
    db.session.execute(
        delete(CaliperKey).where(CaliperKey.registration_id == registration_id, CaliperKey.ends_at.is_not(None))
    )
    db.session.execute(
        update(CaliperKey).where(CaliperKey.registration_id == registration_id).values(ends_at=now + OVERLAP)
    )
    key = ids.random_id(_KEY_LENGTH)
    db.session.add(CaliperKey(fingerprint=ids.fingerprint(key), registration_id=registration_id, made_at=now))
    return key


def revoke(registration_id: int) -> None:
    """End every key of this platform at once; what its feed has counted goes over to the courses' sources as they are
    read. In the caller's transaction.

    :raises registrations.RegistrationNotFound: there is no such platform.
    """
    registrations.get(registration_id).has_feed = False
    db.session.execute(delete(CaliperKey).where(CaliperKey.registration_id == registration_id))


def _is_valid() -> ColumnElement[bool]:
    return or_(CaliperKey.ends_at.is_(None), CaliperKey.ends_at > clock.now())


def platform_of(authorization: str) -> Registration:
    """Whose key this header holds: after “Bearer”, as the standard has it, or bare, as the sensors of Moodle's plug-in
    and of older libraries send it. https://www.imsglobal.org/spec/caliper/v1p2/#http-requests

    :raises CaliperKeyRefused: nobody's.
    :raises registrations.PlatformInactive: of a platform that is switched off.
    """
    scheme, _, rest = authorization.strip().partition(" ")
    key = rest.strip() if scheme.casefold() == "bearer" else authorization.strip()
    found = db.session.scalar(
        select(Registration)
        .join(CaliperKey, CaliperKey.registration_id == Registration.id)
        .where(CaliperKey.fingerprint == ids.fingerprint(key), _is_valid())
    )
    if found is None:
        raise CaliperKeyRefused
    if found.standing != Standing.ACTIVE:
        raise registrations.PlatformInactive(f"registration {found.id}")
    return found
