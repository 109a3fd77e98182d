"""What administrators did, as they look it up."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Select, or_, select

from lti_cert.admin import words
from lti_cert.admin.models import Admin
from lti_cert.core.audit import AuditEntry
from lti_cert.core.database import db

_ADMIN, _ACCOUNT, _PLATFORM = "admin:", "os:", "platform:"
PAGES: Mapping[str, tuple[str, str]] = {
    "registration": (".platform", "registration_id"),
    "course": (".course", "course_id"),
}
"""Where a subject is shown: the endpoint, and what its number is called there."""


def listing(q: str = "") -> Select[Any]:
    """Entries whose deed, subject or actor has these words in it, the newest first; an administrator's e-mail too."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc())
    if q:
        named = select(Admin.id).where(Admin.email.icontains(q, autoescape=True))
        actors = [f"{_ADMIN}{admin_id}" for admin_id in db.session.scalars(named)]
        columns = (AuditEntry.deed, AuditEntry.subject, AuditEntry.actor)
        texts = {q, words.searched(q)}
        query = query.where(
            or_(
                *(column.icontains(text, autoescape=True) for column in columns for text in texts),
                AuditEntry.actor.in_(actors),
            )
        )
    return query


def actors(named: Iterable[str]) -> Mapping[str, str]:
    """Who it was, by what `core.audit` writes: administrators of the console by their e-mail."""
    named = set(named)
    ids = {int(actor.removeprefix(_ADMIN)) for actor in named if actor.startswith(_ADMIN)}
    found = db.session.execute(select(Admin.id, Admin.email).where(Admin.id.in_(ids)))
    emails = {f"{_ADMIN}{number}": email for number, email in found}
    return {actor: emails.get(actor) or _in_words(actor) for actor in named}


def _in_words(actor: str) -> str:
    if actor.startswith(_ACCOUNT):
        return f"{actor.removeprefix(_ACCOUNT)}, on the command line"
    if actor.startswith(_PLATFORM):
        return f"platform {actor.removeprefix(_PLATFORM)} itself"
    return actor or "not known"


def page_of(entry: AuditEntry) -> tuple[str, dict[str, str]] | None:
    """The endpoint that shows what it was done to, and its values."""
    kind, _, number = entry.subject.rpartition(" ")
    if kind not in PAGES:
        return None
    endpoint, name = PAGES[kind]
    return endpoint, {name: number}
