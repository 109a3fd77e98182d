"""The tables of an empty database, without the way there.

Faster than the migrations, which another test holds equal to it.
"""

from functools import cache
from pathlib import Path

import psycopg
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import Connection, create_engine

from lti_cert.core import schema
from lti_cert.core.database import db
from lti_cert.settings import Settings


def create_tables() -> None:
    """For the application at hand; on PostgreSQL its tests find them, see `database_url`."""
    if db.engine.dialect.name == "sqlite":
        assert db.engine.url.database
        Path(db.engine.url.database).write_bytes(_sqlite_file())


@cache
def _sqlite_file() -> bytes:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        _create(connection)
        made: bytes = connection.connection.driver_connection.serialize()
    engine.dispose()
    return made


def create_on_postgresql(url: str) -> None:
    engine = create_engine(Settings(database_url=url).sqlalchemy_url)
    with engine.begin() as connection:
        _create(connection)
    engine.dispose()


def empty_on_postgresql(url: str) -> None:
    """As new: no rows, ids from 1, and nobody left who is connected."""
    every = sql.SQL(", ").join(sql.Identifier(table.name) for table in db.metadata.sorted_tables)
    with psycopg.connect(url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(every))


def _create(connection: Connection) -> None:
    db.metadata.create_all(connection)
    MigrationContext.configure(connection).stamp(schema.migrations(), "head")
