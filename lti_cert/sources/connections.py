"""Connect a platform's own interface, and find what a reading of a course goes through."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Select, delete, select, update
from sqlalchemy.orm import Session

from lti_cert.core import clock, sealing
from lti_cert.core.database import db, insert
from lti_cert.core.errors import InputRejected
from lti_cert.lti.registrations import address_problems
from lti_cert.outbox import outbox
from lti_cert.sources.events import GrantsWithdrawn
from lti_cert.sources.models import Revocation, SourceApi, SourceGrant
from lti_cert.sources.snapshot import SourceForbidden

_CONNECT_PLATFORM = "An administrator connects the whole platform, with `lti-cert source connect`."
CONNECT_AGAIN = "An instructor connects it again, on the overview of the course."
_CONNECT_PLATFORM_AGAIN = (
    "The administrator makes a new token on the learning platform and connects it with `lti-cert source connect`; or "
    "an instructor connects this course alone, on its overview."
)


class NotConnected(SourceForbidden):
    title = "The source is not connected"
    message = "Nobody has connected this course to its learning platform's own interface."
    guidance = "An instructor connects it in the panel, or an administrator for the whole platform."


class ConnectionBroken(NotConnected):
    """Somebody has, but the platform does not accept it any more."""

    title = "The connection is broken"


def way_out(course_id: int | None) -> str:
    """Who mends a grant that is of no use any more: the course's own, or with None the platform's."""
    return _CONNECT_PLATFORM_AGAIN if course_id is None else CONNECT_AGAIN


@dataclass(frozen=True)
class Api:
    """One interface as the administrator set it up."""

    base_url: str
    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Connection:
    """One interface and the leave to use it, as plain values, which threads may hold."""

    registration_id: int
    source: str
    base_url: str
    client_id: str
    secret: str = field(repr=False)
    grant_id: int
    token: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: datetime | None
    course_id: int | None
    """None: the platform's."""

    @property
    def api(self) -> Api:
        return Api(self.base_url, self.client_id, self.secret)


def api_of(registration_id: int, source: str) -> Api | None:
    row = db.session.get(SourceApi, (registration_id, source))
    return Api(row.base_url, row.client_id, _unsealed(row.sealed_secret)) if row else None


def grant_of(registration_id: int, source: str, course_id: int | None) -> SourceGrant | None:
    """The course's own, or with None the platform's, whether or not it is of use."""
    return db.session.scalar(
        select(SourceGrant).filter_by(registration_id=registration_id, source=source, course_id=course_id)
    )


def find(registration_id: int, source: str, course_id: int) -> Connection:
    """The course's own grant, or else the platform's. Outside a transaction; leaves no read open.

    :raises ConnectionBroken: none that there is is of use any more.
    :raises NotConnected: there is none.
    """
    detail = f"registration {registration_id} course {course_id} source {source}"
    grants = (
        select(SourceGrant)
        .where(
            SourceGrant.registration_id == registration_id,
            SourceGrant.source == source,
            SourceGrant.course_id.is_(None) | (SourceGrant.course_id == course_id),
        )
        .order_by(SourceGrant.broken_because != "", SourceGrant.course_id.is_(None))
    )
    with Session(db.engine) as session:
        api, best = session.get(SourceApi, (registration_id, source)), session.scalars(grants).first()
        if api is None or (best is None and not api.client_id):
            raise NotConnected(detail, guidance=_CONNECT_PLATFORM)
        if best is None:
            raise NotConnected(detail)
        if best.broken_because:
            raise ConnectionBroken(detail, message=best.broken_because, guidance=way_out(best.course_id))
        return _connection(api, best)


def _connection(api: SourceApi, grant: SourceGrant) -> Connection:
    return Connection(
        api.registration_id,
        api.source,
        api.base_url,
        api.client_id,
        _unsealed(api.sealed_secret),
        grant.id,
        _unsealed(grant.sealed_token),
        _unsealed(grant.sealed_refresh),
        grant.expires_at,
        grant.course_id,
    )


def is_connected(registration_id: int, source: str, course_id: int) -> bool:
    try:
        find(registration_id, source, course_id)
    except NotConnected:
        return False
    return True


def _sealed(secret: str) -> str:
    return sealing.seal(secret) if secret else ""


def _unsealed(sealed: str) -> str:
    return sealing.unseal(sealed) if sealed else ""


def set_api(registration_id: int, source: str, base_url: str, *, client_id: str = "", secret: str = "") -> int:
    """Replace what was set before. A leave to use another site, or one given to another key, is of no use any more and
    is given up; how many the platform is asked to revoke. In the caller's transaction.
    """
    before, withdrawn = db.session.get(SourceApi, (registration_id, source), populate_existing=True), 0
    if before and (before.base_url, before.client_id) != (base_url.rstrip("/"), client_id):
        withdrawn = disconnect(registration_id, source)
    values = {"base_url": base_url.rstrip("/"), "client_id": client_id, "sealed_secret": _sealed(secret)}
    db.session.execute(
        insert(SourceApi)
        .values(registration_id=registration_id, source=source, created_at=clock.now(), **values)
        .on_conflict_do_update(index_elements=["registration_id", "source"], set_=values)
    )
    return withdrawn


def grant(
    registration_id: int,
    source: str,
    course_id: int | None,
    *,
    token: str,
    refresh: str = "",
    expires_at: datetime | None = None,
    actor: str,
) -> None:
    """Keep a leave to read; the one before it, for the same course or platform, goes. In the caller's transaction."""
    withdraw(registration_id, source, course_id)
    db.session.add(
        SourceGrant(
            registration_id=registration_id,
            source=source,
            course_id=course_id,
            sealed_token=_sealed(token),
            sealed_refresh=_sealed(refresh),
            expires_at=expires_at,
            granted_by=actor,
            created_at=clock.now(),
        )
    )
    db.session.flush()


def withdraw(registration_id: int, source: str, course_id: int | None) -> None:
    """Give up a course's own grant, or with None the platform's. In the caller's transaction."""
    same = SourceGrant.course_id.is_(None) if course_id is None else SourceGrant.course_id == course_id
    _withdraw(SourceGrant.registration_id == registration_id, SourceGrant.source == source, same)


def withdraw_courses(courses: Select[tuple[int]]) -> None:
    """Give up these courses' own grants. In the caller's transaction."""
    _withdraw(SourceGrant.course_id.in_(courses))


def _withdraw(*which: ColumnElement[bool]) -> int:
    """Forget grants, and promise to have those revoked that people gave to this tool; how many."""
    gone = db.session.execute(
        delete(SourceGrant)
        .where(*which)
        .returning(
            SourceGrant.registration_id,
            SourceGrant.source,
            SourceGrant.course_id,
            SourceGrant.sealed_token,
            SourceGrant.sealed_refresh,
        )
        .execution_options(synchronize_session=False)
    ).all()
    keys = {(row.registration_id, row.source) for row in gone}
    apis = {key: db.session.get(SourceApi, key, populate_existing=True) for key in keys}
    revocations = [
        {
            "registration_id": row.registration_id,
            "base_url": api.base_url,
            "client_id": api.client_id,
            "sealed_secret": api.sealed_secret,
            "sealed_token": row.sealed_token,
            "sealed_refresh": row.sealed_refresh,
            "created_at": clock.now(),
        }
        for row in gone
        if row.course_id is not None and (api := apis[row.registration_id, row.source])
    ]
    if revocations:
        db.session.execute(insert(Revocation), revocations)
        outbox.add(*{GrantsWithdrawn(row.registration_id) for row in gone})
    return len(revocations)


@dataclass(frozen=True)
class Withdrawn:
    """A grant that waits to be revoked, as plain values."""

    id: int
    api: Api
    token: str = field(repr=False)
    refresh: str = field(repr=False)


def withdrawn_of(registration_id: int) -> Sequence[Withdrawn]:
    """What the platform has not revoked yet, the oldest first. Leaves no read open."""
    query = select(Revocation).where(Revocation.registration_id == registration_id).order_by(Revocation.id)
    with Session(db.engine) as session:
        return [
            Withdrawn(
                row.id,
                Api(row.base_url, row.client_id, _unsealed(row.sealed_secret)),
                _unsealed(row.sealed_token),
                _unsealed(row.sealed_refresh),
            )
            for row in session.scalars(query)
        ]


def forget_withdrawn(revocation_id: int) -> None:
    """It is revoked. In the caller's transaction."""
    db.session.execute(delete(Revocation).where(Revocation.id == revocation_id))


def forget_withdrawn_before(moment: datetime) -> None:
    """Give up having them revoked. In the caller's transaction."""
    db.session.execute(delete(Revocation).where(Revocation.created_at < moment))


def disconnect(registration_id: int, source: str) -> int:
    """Forget the interface, and every grant; how many the platform is asked to revoke. In the caller's transaction."""
    withdrawn = _withdraw(SourceGrant.registration_id == registration_id, SourceGrant.source == source)
    db.session.execute(
        delete(SourceApi)
        .where(SourceApi.registration_id == registration_id, SourceApi.source == source)
        .execution_options(synchronize_session=False)
    )
    return withdrawn


def listed() -> Sequence[tuple[SourceApi, SourceGrant | None]]:
    """Every interface with each leave to use it, or with none."""
    rows = db.session.execute(
        select(SourceApi, SourceGrant)
        .outerjoin(
            SourceGrant,
            (SourceGrant.registration_id == SourceApi.registration_id) & (SourceGrant.source == SourceApi.source),
        )
        .order_by(SourceApi.registration_id, SourceApi.source, SourceGrant.course_id)
    )
    return [(api, grant) for api, grant in rows]


def broken_platforms() -> Set[int]:
    """Registrations that do not accept the token any more by which all of their courses are read."""
    query = select(SourceGrant.registration_id).where(SourceGrant.course_id.is_(None), SourceGrant.broken_because != "")
    return frozenset(db.session.scalars(query))


def base_address(url: str) -> str:
    """As an administrator may paste it, without what follows the site itself.

    :raises InputRejected: it is none that can be called.
    """
    address = url.strip().rstrip("/").removesuffix("/webservice/rest/server.php")
    problem = next(address_problems("address", address), "")
    if "?" in address:
        problem = "It ends before the question mark."
    if problem:
        raise InputRejected(f"“{url[:200]}” is no address of a site. {problem}")
    return address


def renew(grant_id: int, *, token: str, expires_at: datetime | None) -> None:
    """In the caller's transaction. A grant that has been withdrawn meanwhile stays so."""
    _change(grant_id, sealed_token=_sealed(token), expires_at=expires_at)


def note_broken(grant_id: int, because: str) -> None:
    """In the caller's transaction, as `renew`."""
    _change(grant_id, broken_because=because)


def _change(grant_id: int, **values: object) -> None:
    row = update(SourceGrant).where(SourceGrant.id == grant_id).values(values)
    db.session.execute(row.execution_options(synchronize_session=False))
