"""Many rows at once, by the fastest way that each database has: statements of many rows on SQLite, COPY on PostgreSQL.

The rows come as one flat list, one after another, of the driver's own types (numbers, texts, booleans, None): no
object is made of any of them, not even a tuple.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Executable, Select, func, select
from sqlalchemy.orm import Session

from lti_cert.core.database import Base

Values = Sequence[Any]


def insert_rows(session: Session, entity: type[Base], columns: Sequence[str], values: Values) -> None:
    """Add rows that are not there yet."""
    if _is_sqlite(session):
        _insert_together(session, f"INSERT INTO {entity.__tablename__} ({_list(columns)})", len(columns), values)
    else:
        _copy(session, entity.__tablename__, columns, values)


def update_rows(
    session: Session, entity: type[Base], key: Sequence[str], columns: Sequence[str], values: Values
) -> None:
    """Change rows that are there: each is whole, its key first, then the new values of all other columns."""
    table, every = entity.__tablename__, (*key, *columns)
    if _is_sqlite(session):
        # Whole rows that take the place of others are written in two thirds of the time of as many updates.
        setting = ", ".join(f"{column} = excluded.{column}" for column in columns)
        instead = f" ON CONFLICT ({_list(key)}) DO UPDATE SET {setting}"
        _insert_together(session, f"INSERT INTO {table} ({_list(every)})", len(every), values, instead)
        return
    incoming = f"incoming_{table}"
    cursor = _cursor(session)
    cursor.execute(
        f"CREATE TEMPORARY TABLE {incoming} ON COMMIT DROP AS SELECT {_list(every)} FROM {table} WHERE false"
    )
    _copy(session, incoming, every, values)
    setting = ", ".join(f"{column} = incoming.{column}" for column in columns)
    finding = " AND ".join(f"{table}.{column} = incoming.{column}" for column in key)
    cursor.execute(f"UPDATE {table} SET {setting} FROM {incoming} AS incoming WHERE {finding}")
    cursor.execute(f"DROP TABLE {incoming}")


def delete_rows(session: Session, entity: type[Base], key: Sequence[str], values: Values) -> None:
    """Remove the rows with these keys."""
    mark = "?" if _is_sqlite(session) else "%s"
    finding = " AND ".join(f"{column} = {mark}" for column in key)
    _cursor(session).executemany(f"DELETE FROM {entity.__tablename__} WHERE {finding}", _rows(values, len(key)))


def _rows(values: Values, width: int) -> Iterator[tuple[Any, ...]]:
    return zip(*[iter(values)] * width, strict=True)


def fetch(session: Session, query: Executable) -> Sequence[tuple[Any, ...]]:
    """The rows as the driver has them, which must be of its own types: no object is made of any of them."""
    cursor: Any = session.connection().execute(query).cursor
    found: Sequence[tuple[Any, ...]] = cursor.fetchall()
    return found


def fetch_columns(session: Session, query: Select[*tuple[Any, ...]], bound: Mapping[str, Any]) -> list[list[Any]]:
    """The same as a list for each column, numbers and texts only, not to be changed. `query` is made once and kept."""
    connection = session.connection()
    if not _is_sqlite(session):
        rows = connection.execute(query, bound).cursor.fetchall()
        return [[row[place] for row in rows] for place in range(len(query.selected_columns))]
    # One long text for each column is handed over and read in half the time of as many rows.
    return [_list_of(column) for column in connection.execute(_as_lists(query), bound).one()]


@lru_cache(maxsize=2)
def _list_of(column: str) -> list[Any]:
    """One that is the same time after time, as a key may be, is read once."""
    found: list[Any] = json.loads(column)
    return found


@cache
def _as_lists(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return select(*(func.json_group_array(column) for column in query.subquery().c))


def _is_sqlite(session: Session) -> bool:
    return session.connection().dialect.name == "sqlite"


def _list(columns: Iterable[str]) -> str:
    return ", ".join(columns)


_TOGETHER = 500
"""Rows of a statement; more gain nothing, and SQLite takes 32,766 values at most."""


def _insert_together(session: Session, insert: str, width: int, values: Values, instead: str = "") -> None:
    """In a third of the time of `executemany`, which begins anew with each row."""
    cursor, marks = _cursor(session), f"({', '.join('?' * width)})"
    for start in range(0, len(values), width * _TOGETHER):
        some = values[start : start + width * _TOGETHER]
        cursor.execute(f"{insert} VALUES {', '.join([marks] * (len(some) // width))}{instead}", some)


def _cursor(session: Session) -> Any:
    return session.connection().connection.cursor()


def _copy(session: Session, table: str, columns: Sequence[str], values: Values) -> None:
    with _cursor(session).copy(f"COPY {table} ({_list(columns)}) FROM STDIN") as copy:
        for row in _rows(values, len(columns)):
            copy.write_row(row)
