"""Those who are enrolled in a course of Moodle, and its groups, until all are known: on disk where they are many."""

from collections.abc import Iterator, Sequence

from lti_cert.lti.claims import LEARNER, STAFF, role_set
from lti_cert.sources.directory import id_list, private_database
from lti_cert.sources.snapshot import Person

_TABLES = """
CREATE TABLE person (
    number INTEGER PRIMARY KEY, user_id TEXT UNIQUE, name TEXT, email TEXT, roles TEXT, is_uncovered INTEGER
);
CREATE TABLE member (group_id TEXT, user_id TEXT, PRIMARY KEY (group_id, user_id)) WITHOUT ROWID;
"""


class Enrolled:
    """To be closed."""

    def __init__(self) -> None:
        self._database = private_database(_TABLES)

    def close(self) -> None:
        self._database.close()

    def add(self, page: Sequence[tuple[Person, Sequence[str]]]) -> bool:
        """Whether it brings anybody: people, each with her groups."""
        rows = self._database.execute(
            "SELECT user_id FROM person WHERE user_id IN (SELECT value FROM json_each(?))",
            (id_list([person.user_id for person, _ in page]),),
        )
        known = {user_id for (user_id,) in rows}
        new = [(person, groups) for person, groups in page if person.user_id not in known]
        self._database.executemany(
            "INSERT OR REPLACE INTO person (user_id, name, email, roles, is_uncovered) VALUES (?, ?, ?, ?, ?)",
            (
                (person.user_id, person.name, person.email, " ".join(person.roles), not person.roles & STAFF)
                for person, _ in new
            ),
        )
        self._database.executemany(
            "INSERT OR IGNORE INTO member VALUES (?, ?)",
            ((group, person.user_id) for person, groups in new for group in groups),
        )
        return bool(new)

    def people(self) -> Iterator[Person]:
        """As they came. A learner is not known to Moodle's gradebook before that has named her."""
        for user_id, name, email, words in self._database.execute(
            "SELECT user_id, name, email, roles FROM person ORDER BY number"
        ):
            roles = role_set(*words.split())
            yield Person(user_id, roles, name, email, is_known=LEARNER not in roles)

    def cover(self, at_most: int) -> Iterator[tuple[str, Sequence[str]]]:
        """Groups of no more members than that, as long as they bring somebody new: each with those of its learners who
        are in no group before.
        """
        sizes = self._database.execute("SELECT group_id, count(*) FROM member GROUP BY group_id").fetchall()
        for group, size in sorted(sizes, key=lambda one: int(one[0])):
            new = self._uncovered(group) if size <= at_most else ()
            if new:
                cover = "UPDATE person SET is_uncovered = FALSE WHERE user_id = ?"
                self._database.executemany(cover, ((learner,) for learner in new))
                yield group, new

    def _uncovered(self, group: str) -> Sequence[str]:
        rows = self._database.execute(
            "SELECT user_id FROM member JOIN person USING (user_id) WHERE group_id = ? AND is_uncovered"
            " ORDER BY number",
            (group,),
        )
        return [user_id for (user_id,) in rows]

    def uncovered(self) -> Iterator[str]:
        """The learners whom no group covers."""
        rows = self._database.execute("SELECT user_id FROM person WHERE is_uncovered ORDER BY number")
        return (user_id for (user_id,) in rows)
