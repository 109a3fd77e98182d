"""Rules by chance, and certificates held against the specification read aloud: what properties of sources end with."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import time_machine
from hypothesis import strategies as st
from sqlalchemy import select

from lti_cert.certificates.models import Certificate
from lti_cert.core import clock
from lti_cert.core.database import db
from lti_cert.courses.models import Course, Member
from lti_cert.sources.snapshot import Snapshot
from tests import building as b
from tests.draining import drain_only
from tests.reading_aloud import obvious_level

LEVELS = (None, "completion", "distinction")


@st.composite
def rules(draw: st.DrawFn, items: Sequence[str], *, counts_posts: bool = False) -> dict[str, Any]:
    """Without approval; `items` may be named in it, by what the platform or a teacher calls them."""
    kinds = ["each_assessment", "average", "n_of", *(["discussion_posts"] if counts_posts else [])]
    criteria = []
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
        kind = draw(st.sampled_from(kinds))
        if kind == "discussion_posts":
            n = draw(st.integers(1, 3))
            criteria.append({"kind": kind, "n": n, "distinction": draw(st.sampled_from([None, n, n + 1]))})
            continue
        completion = draw(st.sampled_from([0, 29, 60, 66.67, 85]))
        distinction = draw(st.sampled_from([None, completion, 85, 100]))
        criteria.append(
            {
                "kind": kind,
                "completion": completion,
                "distinction": distinction and max(distinction, completion),
                "n": draw(st.integers(1, 3)) if kind == "n_of" else None,
                "items": draw(st.sampled_from(["all", "all", [items[0]], [items[0], items[2]]])),
                "weights": draw(st.sampled_from([None, {items[0]: 2.5, items[1]: 0}])) if kind == "average" else None,
            }
        )
    return {"title": "By chance", "approval": False, "criteria": criteria}


def about(rule: Mapping[str, Any], read: Snapshot) -> dict[str, Any]:
    """The rule as it can be written in a course that stands so: it names what is there."""
    there = {item.ref for item in read.items}

    def kept(criterion: Mapping[str, Any]) -> dict[str, Any]:
        if criterion["kind"] == "discussion_posts":
            return dict(criterion)
        named = "all" if criterion["items"] == "all" else [ref for ref in criterion["items"] if ref in there] or "all"
        weights = {ref: weight for ref, weight in (criterion["weights"] or {}).items() if ref in there}
        return {**criterion, "items": named, "weights": weights or None}

    return {**rule, "criteria": [kept(criterion) for criterion in rule["criteria"]]}


class Decided:
    """The certificates of one achievement, and what they must be: what the last complete reading earns, on top of what
    has been earned before.
    """

    def __init__(self, course: Course, rule: Mapping[str, Any], read: Snapshot) -> None:
        """`read` is what is stored; its learners are those who are judged. Items go by names that the rule may use."""
        self._rule = about(rule, read)
        self._achievement = b.achievement(course, self._rule)
        self._levels: dict[str, str | None] = {}
        self._items = {item.ref: item for item in read.items}
        self.follow(read)

    def follow(self, read: Snapshot) -> None:
        """Let the promised jobs run, and compare everybody's certificate; `read` is what is stored now."""
        with time_machine.travel(clock.now() + timedelta(hours=1)):  # a reading that was slowed down ended later
            drain_only("evaluate")
        self._expect(read)
        assert self._shown() == {
            who: ("none", None) if level is None else ("earned", level) for who, level in self._levels.items()
        }

    def _expect(self, read: Snapshot) -> None:
        # An assessment that is gone is still asked for where it was chosen, and nobody has a grade in it.
        there = {item.ref for item in read.items}
        gone = [replace(item, exclusion="gone") for ref, item in self._items.items() if ref not in there]
        read = replace(read, items=[*read.items, *gone])
        self._items = {item.ref: item for item in read.items}
        for person in read.people:
            if person.roles == b.LEARNER and person.is_known:
                level = obvious_level(read, self._rule, person.user_id)
                self._levels[person.user_id] = max(level, self._levels.get(person.user_id), key=LEVELS.index)

    def _shown(self) -> dict[str, tuple[str, str | None]]:
        db.session.rollback()
        rows = db.session.execute(
            select(Member.user_id, Certificate.state, Certificate.level)
            .join(Member, Member.id == Certificate.member_id)
            .where(Certificate.achievement_id == self._achievement.id)
        )
        return {who: (state, level) for who, state, level in rows}
