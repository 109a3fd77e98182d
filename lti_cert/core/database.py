"""The database: its session, its column types, and the one way to write to it.

SQLite (WAL) is the embedded default, PostgreSQL what production runs. Both are driven so that a transaction that
writes is serialised against its rivals from its first statement: SQLite by BEGIN IMMEDIATE, PostgreSQL by row locks.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    CursorResult,
    DateTime,
    Dialect,
    Engine,
    Executable,
    Float,
    Index,
    Integer,
    MetaData,
    Select,
    SQLColumnExpression,
    Text,
    TypeDecorator,
    cast,
    column,
    event,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, registry
from sqlalchemy.schema import SchemaItem
from sqlalchemy.sql.selectable import NamedFromClause

from lti_cert.core import resources
from lti_cert.settings import Settings


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time, on SQLite too, which would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


LARGEST_INTEGER = 2**63 - 1
"""What a column holds."""

BigId = BigInteger().with_variant(Integer, "sqlite")
Json = JSON().with_variant(JSONB(), "postgresql")

primary_key = Annotated[int, mapped_column(BigId, primary_key=True)]


_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Every constraint has a name of its own, so that a migration can change it."""


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=_NAMES)
    registry = registry(metadata=metadata, type_annotation_map={datetime: UtcDateTime, dict[str, Any]: Json})


def index_on(dialect: str, *columns: str) -> Index:
    """An index that databases of one kind only have."""
    return Index(None, *columns, info={"dialect": dialect}).ddl_if(dialect=dialect)


def _is_for_this_database(thing: SchemaItem, *_: object) -> bool:
    """Alembic does not ask `ddl_if`, and would miss an index that is for others."""
    here = db.engine.dialect.name
    return bool(thing.info.get("dialect", here) == here)


db = SQLAlchemy(model_class=Base)
migrate = Migrate(
    directory=str(resources.MIGRATIONS),
    render_as_batch=True,
    compare_type=True,
    include_object=_is_for_this_database,
)

_PG_TYPES: dict[type, Any] = {int: BigInteger(), str: Text(), bool: Boolean(), dict: JSONB()}
_SQL_TYPES: dict[type, Any] = {int: BigInteger, str: Text, bool: Boolean, dict: Text}

SQLITE_WAIT_SECONDS = 30
"""How long a writer on SQLite waits for the one before it."""


def init_database(app: Flask, settings: Settings) -> None:
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.sqlalchemy_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = (
        {"connect_args": {"timeout": SQLITE_WAIT_SECONDS}}
        if settings.is_sqlite
        else {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 20}
    )
    db.init_app(app)
    migrate.init_app(app, db)
    with app.app_context():
        if settings.is_sqlite:
            if not settings.database_url:
                Path(db.engine.url.database or "").touch(mode=0o600)  # what stands beside it later takes on its mode
            _drive_sqlite(db.engine)


def _drive_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        # We say BEGIN ourselves; left to itself the driver begins late and a read that turns into a write fails.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("lti_cert_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


commit_guard: ContextVar[Callable[[Session], None] | None] = ContextVar("commit_guard", default=None)
"""Asked before each commit; raises to prevent it. A job's lease is checked here, so every store of a job is fenced."""


class _Rehearsed(Exception):
    """Ends a rehearsal."""


@contextmanager
def transaction() -> Iterator[Session]:
    """Commit what the block does, whole, or nothing of it. Inside another transaction it joins that one."""
    session = db.session()
    if session.info.get("in_transaction"):
        yield session
        return
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("something was changed outside a transaction")
    session.rollback()  # ends an earlier read: what it saw may be old
    session.info["in_transaction"] = True
    try:
        session.connection(execution_options={"lti_cert_writes": True})
        yield session
        session.flush()
        if guard := commit_guard.get():
            guard(session)
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop("in_transaction", None)


@contextmanager
def rehearsal() -> Iterator[Session]:
    """Do the block for real and undo all of it: how a change is shown before it is saved."""
    try:
        with transaction() as session:
            yield session
            raise _Rehearsed
    except _Rehearsed:
        pass


def run(statement: Executable) -> CursorResult[Any]:
    """Run a statement of many rows: objects of the session do not hear of what it changes."""
    db.session.flush()
    return db.session.connection().execute(statement)


def insert(entity: type[Any]) -> Any:
    """An INSERT that knows ON CONFLICT, in the dialect at hand."""
    return (sqlite.insert if db.engine.dialect.name == "sqlite" else postgresql.insert)(entity)


def record_set(name: str, columns: Mapping[str, type], rows: Sequence[tuple[Any, ...]]) -> NamedFromClause:
    """Rows of ours as something to select from, in one bound parameter a column however many rows there are.

    `columns` gives each one's type: int, str, bool or dict (JSON). A single statement then serves 3 or 30,000 rows,
    which `IN (…)` and
    `VALUES` lists cannot: they have limits, and each length is a statement of its own to plan.
    """
    if db.engine.dialect.name == "sqlite":
        data = json.dumps(rows, ensure_ascii=False, default=str)
        each = func.json_each(data).table_valued("value", name=f"{name}_json")
        # With a limit SQLite makes a table of the rows; without one it would put these expressions into the statement
        # around them and read the JSON again for every row that it compares.
        statement: Select[Any] = select(
            *(
                func.json_extract(each.c.value, f"$[{index}]", type_=_SQL_TYPES[kind]()).label(label)
                for index, (label, kind) in enumerate(columns.items())
            )
        ).limit(-1)
        return statement.subquery(name)
    arrays = zip(*rows, strict=True) if rows else ((),) * len(columns)
    bound = [literal(values, ARRAY(_PG_TYPES[kind])) for values, kind in zip(arrays, columns.values(), strict=True)]
    return (
        func.unnest(*bound)
        .table_valued(*(column(label, _PG_TYPES[kind]) for label, kind in columns.items()), name=name)
        .render_derived()
    )


def id_set(ids: Sequence[int]) -> Select[tuple[int]]:
    """Ids of ours as a subquery for `column.in_(…)`."""
    rows = record_set("ids", {"id": int}, [(i,) for i in ids])
    return select(rows.c.id)


def seconds_between(earlier: SQLColumnExpression[Any], later: SQLColumnExpression[Any]) -> ColumnElement[float]:
    if db.engine.dialect.name == "sqlite":
        return (func.julianday(later) - func.julianday(earlier)) * 86400.0
    return cast(func.extract("epoch", later - earlier), Float)
