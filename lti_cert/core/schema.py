"""Whether the database has the shape that this version needs, as the migrations tell."""

from functools import cache

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from lti_cert.core import resources
from lti_cert.core.database import db
from lti_cert.core.errors import LtiCertError


class DatabaseUnreachable(LtiCertError):
    status = 503
    title = "The database does not answer"
    message = "The database does not answer."
    guidance = "Is LTI_CERT_DATABASE_URL right, and does its server run? `lti-cert doctor` looks at the rest too."


class SchemaBehind(LtiCertError):
    status = 503
    title = "The database is not up to date"
    message = "The database has not got the tables that this version needs."
    guidance = "Run `lti-cert db upgrade` first."


def migrations() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(resources.MIGRATIONS))
    return ScriptDirectory.from_config(config)


def revision() -> str | None:
    """Of the last migration that the database went through; None before the first.

    :raises DatabaseUnreachable: nobody can tell.
    """
    try:
        with db.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        kind = type(error).__name__
        raise DatabaseUnreachable(kind, message=f"The database does not answer ({kind}).") from error


def require_up_to_date() -> None:
    """A newer shape than ours is fine: while many machines are updated, old and new run beside each other.

    :raises SchemaBehind, DatabaseUnreachable: there is no point in going on.
    """
    now = revision()
    if now is None or now in _older_than_ours():
        raise SchemaBehind(f"revision {now}")


@cache
def _older_than_ours() -> frozenset[str]:
    ours = migrations()
    return frozenset(each.revision for each in ours.walk_revisions()) - {ours.get_current_head()}
