"""Who is who in a course while it is read: asked once for each page, and kept on disk where there are many."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast

from lti_cert.core.database import db
from lti_cert.lti.claims import role_set
from lti_cert.sources.snapshot import Person, Snapshot

_TABLES = """
CREATE TABLE person (user_id TEXT PRIMARY KEY, api_user_id TEXT, roles TEXT, is_known INTEGER);
CREATE INDEX person_by_api_user_id ON person (api_user_id, user_id);
CREATE TABLE listed (list TEXT, api_user_id TEXT, PRIMARY KEY (list, api_user_id)) WITHOUT ROWID;
"""


class Directory:
    """Everybody whom a reading has found, without names, as she may be added again.

    One thread may ask. To be closed.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._database = private_database(_TABLES)
        people = (
            (person.user_id, person.api_user_id, " ".join(person.roles), person.is_known)
            for person in snapshot.all_people()
        )
        self._database.executemany("INSERT INTO person VALUES (?, ?, ?, ?)", people)
        db.session.rollback()  # no read of ours stays open while we wait for the platform

    def close(self) -> None:
        self._database.close()

    def __iter__(self) -> Iterator[Person]:
        return map(_person, self._database.execute("SELECT * FROM person"))

    def persons(self, user_ids: Collection[str]) -> Mapping[str, Person]:
        rows = self._at_once(
            "SELECT json_group_array(json_array(user_id, api_user_id, roles, is_known)) FROM person"
            " WHERE user_id IN (SELECT value FROM json_each(?))",
            user_ids,
        )
        return {person.user_id: person for person in map(_person, rows)}

    def users(self, api_user_ids: Collection[str]) -> Mapping[str, Sequence[str]]:
        """By the ids of the LMS's own interface: after users were merged a roster may list one of them twice."""
        rows = self._at_once(
            "SELECT json_group_array(json_array(api_user_id, user_id)) FROM person"
            " WHERE api_user_id IN (SELECT value FROM json_each(?))",
            api_user_ids,
        )
        found = defaultdict(list)
        for api_user_id, user_id in rows:
            found[api_user_id].append(user_id)
        return found

    def _at_once(self, statement: str, ids: Collection[str]) -> Sequence[Any]:
        """Before each row that it fetches SQLite lets other threads have their turn, so all rows come as one."""
        ((rows,),) = self._database.execute(statement, (id_list(ids),))
        return cast(Sequence[Any], json.loads(rows))

    def count_api_users(self) -> int:
        """Those without such an id are one."""
        ((count,),) = self._database.execute("SELECT count(DISTINCT api_user_id) FROM person")
        return int(count)

    def note_known(self, api_user_ids: Collection[str]) -> None:
        """They have been added to the snapshot as people whom the source knows."""
        self._database.execute(
            "UPDATE person SET is_known = TRUE WHERE api_user_id IN (SELECT value FROM json_each(?))",
            (id_list(api_user_ids),),
        )

    def note_listed(self, name: str, api_user_ids: Collection[str]) -> None:
        """They are on the list of that name."""
        self._database.executemany(
            "INSERT OR IGNORE INTO listed VALUES (?, ?)", ((name, api_user_id) for api_user_id in api_user_ids)
        )

    def not_listed(self, name: str) -> Iterator[Person]:
        rows = self._database.execute(
            "SELECT * FROM person WHERE NOT EXISTS"
            " (SELECT 1 FROM listed WHERE list = ? AND listed.api_user_id = person.api_user_id)",
            (name,),
        )
        return map(_person, rows)

    def forget_list(self, name: str) -> None:
        self._database.execute("DELETE FROM listed WHERE list = ?", (name,))


def private_database(tables: str) -> sqlite3.Connection:
    """Its connection alone sees it. It is on disk, but for a cache of half a megabyte, and gone when that is closed."""
    database = sqlite3.connect("")
    database.execute("PRAGMA cache_size = -500")
    database.executescript(tables)
    return database


def id_list(ids: Collection[str]) -> str:
    """As one value, for `json_each`: SQLite has a limit for those of a statement."""
    return json.dumps(list(ids))


def _person(row: tuple[str, str, str, int]) -> Person:
    user_id, api_user_id, roles, is_known = row
    return Person(user_id, role_set(*roles.split()), is_known=bool(is_known), api_user_id=api_user_id)
