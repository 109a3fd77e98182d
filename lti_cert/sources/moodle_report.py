"""Asks for Moodle's grade report: for everybody at once, or, where that is too much, by group and by learner.

The report has no pages. What is read of it is planned once, and written down, so that a reading goes on by its plan.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lti_cert.core.http import PlatformUnreachable
from lti_cert.lti import fields
from lti_cert.lti.answers import ServiceThrottled
from lti_cert.lti.claims import LEARNER
from lti_cert.lti.fields import Row
from lti_cert.sources import roster
from lti_cert.sources.moodle_gradebook import Gradebook
from lti_cert.sources.moodle_service import GRADES, MoodleService
from lti_cert.sources.snapshot import Reading, Snapshot

AT_ONCE = 1000
"""Learners that are asked for together. Moodle works out some twenty a second and sends 1 kB for each grade."""

_WHOLE, _BY_GROUP, _BY_LEARNER, _ITEMS, PLAN = "whole report", "groups", "learners", "grade items", "plan"
"""Streams. Those by group and by learner stand at the number of those that are done."""
_DONE, _TOO_MUCH = "done", "too much"


@dataclass
class Plan:
    groups: list[tuple[str, list[str]]]
    """With those of their members who are in no group before."""
    learners: list[str]
    """Those whom no group covers."""


def plan(learners: Iterable[str], groups: Mapping[str, Collection[str]]) -> Plan:
    """Groups that are small enough, as long as they bring somebody new."""
    left = dict.fromkeys(learners)
    chosen = []
    for group, members in sorted(groups.items(), key=lambda one: int(one[0])):
        new = [member for member in members if member in left]
        if new and len(members) <= AT_ONCE:
            chosen.append((group, new))
            for member in new:
                del left[member]
    return Plan(chosen, list(left))


def write_plan(snapshot: Snapshot, planned: Plan) -> None:
    snapshot.reached(PLAN, json.dumps([planned.groups, planned.learners]))


class Report:
    """One course's, read into a snapshot whose people are known already."""

    def __init__(self, service: MoodleService, course: str, reading: Reading, snapshot: Snapshot) -> None:
        self._service, self._course, self._snapshot = service, course, snapshot
        self._people = {person.user_id: person for person in roster.so_far(snapshot)}
        self._book = Gradebook(reading.resource_link_ids, snapshot.steps.get(_ITEMS, ""))
        groups, learners = json.loads(snapshot.steps[PLAN])
        self._plan = Plan([(group, members) for group, members in groups], learners)

    @property
    def is_by_learner(self) -> bool:
        return self._snapshot.steps.get(_WHOLE) == _TOO_MUCH

    def read(self) -> Gradebook:
        if _WHOLE not in self._snapshot.steps:
            self._snapshot.progress("grades of everybody")
            count = len(self._plan.learners) + sum(len(members) for _, members in self._plan.groups)
            is_read = count <= AT_ONCE and self._take_at_once()
            self._snapshot.reached(_WHOLE, _DONE if is_read else _TOO_MUCH)
        if self.is_by_learner:
            self._read_groups()
            self._read_learners()
        return self._book

    def read_sample(self, learner: str) -> None:
        """Hers alone, to see whether the report shows what is needed."""
        self._take(self._service.ask(GRADES, courseid=self._course, userid=learner), is_asked_for=True)

    def _take_at_once(self, **of: str) -> bool:
        """Many learners' grades; False where they are too much for Moodle, what stands before it, or us.

        Nothing is taken before the whole answer is known to be sound. It is let go at the end.
        """
        try:
            answer = self._service.ask(GRADES, is_long=True, courseid=self._course, **of)
        except ServiceThrottled:
            raise
        except PlatformUnreachable:
            return False
        self._take(answer)
        return True

    def _read_groups(self) -> None:
        for number, (group, members) in enumerate(self._plan.groups, 1):
            if number <= self._done(_BY_GROUP):
                continue
            self._snapshot.progress(f"grades of group {number} of {len(self._plan.groups)}")
            if not self._take_at_once(groupid=group):
                self._plan.learners += members
                write_plan(self._snapshot, self._plan)
            self._snapshot.reached(_BY_GROUP, str(number))

    def _read_learners(self) -> None:
        learners = self._plan.learners
        start = self._done(_BY_LEARNER)
        questions = [{"courseid": self._course, "userid": learner} for learner in learners[start:]]
        for number, answer in enumerate(self._service.ask_each(GRADES, questions), start + 1):
            self._take(answer, is_asked_for=True)
            self._snapshot.reached(_BY_LEARNER, str(number))
            self._snapshot.progress(f"grades of learner {number} of {len(learners)}")

    def _done(self, stream: str) -> int:
        return int(self._snapshot.steps.get(stream, 0))

    def _take(self, answer: Any, *, is_asked_for: bool = False) -> None:
        """Add the grades of those who are enrolled, and note that the gradebook knows them.

        It lists learners only, but answers for whoever `is_asked_for` by name: then somebody in a role of the site's
        own is a learner if she has been graded.
        """
        rows = answer.get("usergrades") if isinstance(answer, Mapping) else None
        for user_id, items in fields.one_by_one(GRADES, rows, _user_grades):
            person = self._people.get(user_id)
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
