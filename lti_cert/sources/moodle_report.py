"""Asks for Moodle's grade report: for everybody at once, or, where that is too much, by group and by learner.

The report has no pages. What is read of it is planned once, and written down, so that a reading goes on by its plan.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice, tee
from typing import Any

from lti_cert.core.http import PlatformUnreachable
from lti_cert.lti import fields
from lti_cert.lti.answers import ServiceThrottled
from lti_cert.lti.claims import LEARNER
from lti_cert.lti.fields import Row
from lti_cert.sources.directory import Directory
from lti_cert.sources.moodle_gradebook import Gradebook
from lti_cert.sources.moodle_service import GRADES, MoodleService
from lti_cert.sources.snapshot import Person, Reading, Snapshot

AT_ONCE = 1000
"""Learners that are asked for together. Moodle works out some twenty a second and sends 1 kB for each grade."""

_LOOKED_UP_TOGETHER = 100

_WHOLE, _BY_GROUP, _BY_LEARNER, _ITEMS, PLAN = "whole report", "groups", "learners", "grade items", "plan"
"""Streams. Those by group and by learner stand at the number of those that are done, the plan at the ids of those
learners who are asked for one by one.
"""
_OF_GROUP = f"{PLAN} of group "
"""So begins a group's own stream, which stands at the ids of the learners whom it covers."""
_DONE, _TOO_MUCH = "done", "too much"


def plan_group(snapshot: Snapshot, group: str, learners: Iterable[str]) -> None:
    snapshot.reached(_OF_GROUP + group, " ".join(learners))


def plan_rest(snapshot: Snapshot, learners: Iterable[str]) -> None:
    """Those whom no group covers; then the plan is complete."""
    snapshot.reached(PLAN, " ".join(learners))


def _planned(ids: str) -> Iterator[str]:
    """There may be very many."""
    return (found[0] for found in re.finditer(r"\S+", ids))


def _count(ids: str) -> int:
    return sum(1 for _ in _planned(ids))


class Report:
    """One course's, read into a snapshot whose people are known already."""

    def __init__(
        self, service: MoodleService, course: str, reading: Reading, people: Directory, snapshot: Snapshot
    ) -> None:
        self._service, self._course, self._people, self._snapshot = service, course, people, snapshot
        self._book = Gradebook(reading.resource_link_ids, snapshot.steps.get(_ITEMS, ""))

    @property
    def is_by_learner(self) -> bool:
        return self._snapshot.steps.get(_WHOLE) == _TOO_MUCH

    def read(self) -> Gradebook:
        if _WHOLE not in self._snapshot.steps:
            self._snapshot.progress("grades of everybody")
            learners = " ".join(ids for stream, ids in self._snapshot.steps.items() if stream.startswith(PLAN))
            is_read = _count(learners) <= AT_ONCE and self._take_at_once(learners)
            self._snapshot.reached(_WHOLE, _DONE if is_read else _TOO_MUCH)
        if self.is_by_learner:
            self._read_groups()
            self._read_learners()
        return self._book

    def read_sample(self, learner: str) -> None:
        """Hers alone, to see whether the report shows what is needed."""
        self._take(self._service.ask(GRADES, courseid=self._course, userid=learner), {}, is_asked_for=True)

    def _take_at_once(self, learners: str, **of: str) -> bool:
        """Theirs, and whoever else's come with them; False where that is too much for Moodle, what stands before it, or
        us.

        Nothing is taken before the whole answer is known to be sound. It is let go at the end.
        """
        try:
            answer = self._service.ask(GRADES, is_long=True, courseid=self._course, **of)
        except ServiceThrottled:
            raise
        except PlatformUnreachable:
            return False
        self._take(answer, self._people.persons([*_planned(learners)]))
        return True

    def _read_groups(self) -> None:
        steps = self._snapshot.steps
        groups = sorted((stream.removeprefix(_OF_GROUP) for stream in steps if stream.startswith(_OF_GROUP)), key=int)
        for number, group in enumerate(groups, 1):
            if number <= self._done(_BY_GROUP):
                continue
            self._snapshot.progress(f"grades of group {number} of {len(groups)}")
            if not self._take_at_once(steps[_OF_GROUP + group], groupid=group):
                self._snapshot.reached(PLAN, f"{steps[PLAN]} {steps[_OF_GROUP + group]}")
            self._snapshot.reached(_BY_GROUP, str(number))

    def _read_learners(self) -> None:
        learners, start = self._snapshot.steps[PLAN], self._done(_BY_LEARNER)
        count = _count(learners)
        # Some are asked for before the answers of others have come.
        asked, persons = tee(self._persons(islice(_planned(learners), start, None)))
        questions = ({"courseid": self._course, "userid": person.user_id} for person in asked)
        answers = self._service.ask_each(GRADES, questions)
        for number, (person, answer) in enumerate(zip(persons, answers, strict=True), start + 1):
            self._take(answer, {person.user_id: person}, is_asked_for=True)
            self._snapshot.reached(_BY_LEARNER, str(number))
            self._snapshot.progress(f"grades of learner {number} of {count}")

    def _persons(self, learners: Iterator[str]) -> Iterator[Person]:
        while together := list(islice(learners, _LOOKED_UP_TOGETHER)):
            found = self._people.persons(together)
            yield from (found[learner] for learner in together)

    def _done(self, stream: str) -> int:
        return int(self._snapshot.steps.get(stream, 0))

    def _take(self, answer: Any, expected: Mapping[str, Person], *, is_asked_for: bool = False) -> None:
        """Add the grades of those who are enrolled, and note that the gradebook knows them.

        It lists learners only, but answers for whoever `is_asked_for` by name: then somebody in a role of the site's
        own is a learner if she has been graded.
        """
        rows = answer.get("usergrades") if isinstance(answer, Mapping) else None
        for user_id, items in fields.one_by_one(GRADES, rows, _user_grades):
            person = expected.get(user_id) or self._people.persons([user_id]).get(user_id)
            if person is None:
                continue
            scores = self._book.scores(user_id, items)
            if scores or person.roles or not is_asked_for:
                self._snapshot.people.append(replace(person, roles=person.roles | {LEARNER}, is_known=True))
            for ref, score in scores:
                self._snapshot.add_scores(ref, [score])
        if self._book.has_changed:
            self._snapshot.steps[_ITEMS] = self._book.dump()


def _user_grades(row: Row) -> tuple[str, object]:
    return fields.identifier(row, "userid", "a row of the grade report"), row.get("gradeitems")
