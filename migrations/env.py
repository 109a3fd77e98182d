"""Runs migrations on the application's own database, inside its context."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from flask import current_app
from sqlalchemy import JSON

from lti_cert.core.database import UtcDateTime, db


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Our column types in words of SQLAlchemy's own, so that an old migration does not change with our code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSON):
        _context.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def run() -> None:
    options = current_app.extensions["migrate"].configure_args
    with db.engine.connect() as connection:
        context.configure(connection=connection, target_metadata=db.metadata, render_item=render_item, **options)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
