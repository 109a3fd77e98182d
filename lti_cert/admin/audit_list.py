"""What administrators did, as they look it up."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, or_, select

from lti_cert.admin.models import Admin
from lti_cert.core.audit import AuditEntry
from lti_cert.core.database import db

_ADMIN = "admin:"


def listing(q: str = "") -> Select[Any]:
    """Entries whose deed, subject or actor has these words in it, the newest first; an administrator's e-mail too."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc())
    if q:
        named = select(Admin.id).where(Admin.email.icontains(q, autoescape=True))
        actors = [f"{_ADMIN}{admin_id}" for admin_id in db.session.scalars(named)]
        columns = (AuditEntry.deed, AuditEntry.subject, AuditEntry.actor)
        query = query.where(
            or_(*(column.icontains(q, autoescape=True) for column in columns), AuditEntry.actor.in_(actors))
        )
    return query


def actors(entries: Sequence[AuditEntry]) -> Mapping[str, str]:
    """The administrators among the actors by their e-mail."""
    ids = {int(entry.actor.removeprefix(_ADMIN)) for entry in entries if entry.actor.startswith(_ADMIN)}
    found = db.session.execute(select(Admin.id, Admin.email).where(Admin.id.in_(ids)))
    return {f"{_ADMIN}{admin_id}": email for admin_id, email in found}
