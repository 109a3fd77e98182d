"""Whatever file an instructor brings: the mirror is what the file says, or what it was before together with a reason,
and certificates are those of the last gradebook that was stored.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from werkzeug.test import TestResponse

from lti_cert.core.database import db
from lti_cert.courses import sync
from lti_cert.courses.models import Course, HeldSnapshot, LineItem, Member, Result, SyncRun
from lti_cert.lti.claims import INSTRUCTOR
from lti_cert.sources.csv_gradebook import Id
from lti_cert.sources.snapshot import MILLIONTHS, UNPUBLISHED, Item, Person, Score, Snapshot
from tests import building as b
from tests.deciding import Decided, rules
from tests.visiting import Visitor, visitor, words

pytestmark = pytest.mark.each_database

# ------------------------------------------------------------------------------------------------ what is known

LABELS = {"Quiz": "11", "Essay, long": "12", "Prüfung": "13"}
"""With the number that Canvas has for each."""
REFS = [*(f"csv:{label}" for label in LABELS), *LABELS.values()]


@dataclass(frozen=True)
class Known:
    """What the mirror holds, as the oracle knows it."""

    items: Mapping[str, Item]
    known: frozenset[str]
    """Learners of whom it says something."""
    scores: Mapping[tuple[str, str], int | None]
    """Of somebody, in an item by its ref; None is excused."""

    def snapshot(self) -> Snapshot:
        scores: dict[str, list[Score]] = {}
        for (who, ref), score in self.scores.items():
            scores.setdefault(ref, []).append(Score(who, score))
        return Snapshot(list(self.items.values()), [Person(who, b.LEARNER) for who in self.known], scores)

    def graded(self) -> int:
        return sum(1 for score in self.scores.values() if score is not None)


@st.composite
def rosters(draw: st.DrawFn) -> list[Person]:
    """Often not everybody has every id, or an id is that of two."""
    is_tidy, found = draw(st.booleans()), []
    for number in range(1, draw(st.integers(3, 6)) + 1):
        sourced, platform = f"S-{number}", f"50{number}"
        if not is_tidy:
            sourced = draw(st.sampled_from([*[sourced] * 8, "S-1", ""]))
            platform = draw(st.sampled_from([*[platform] * 5, ""]))
        roles = b.INSTRUCTOR if number > 2 and draw(st.integers(0, 5)) == 0 else b.LEARNER
        found.append(Person(f"u{number}", roles, f"Person {number}", api_user_id=platform, sourced_id=sourced))
    return found


@st.composite
def priors(draw: st.DrawFn, roster: Sequence[Person]) -> Known:
    """What another source has read before."""
    labels = draw(st.lists(st.sampled_from(sorted(LABELS)), unique=True))
    items = {f"csv:{label}": Item(f"csv:{label}", label, draw(st.integers(10, 100)) * MILLIONTHS) for label in labels}
    scores = {
        (person.user_id, ref): draw(st.integers(0, 100)) * item.maximum // 100
        for person in roster
        for ref, item in items.items()
        if draw(st.booleans())
    }
    return Known(items, frozenset(person.user_id for person in roster if person.roles == b.LEARNER), scores)


# ------------------------------------------------------------------------------------------------ files

Cell = int | str
"""A number in hundredths, or a word."""
ID_OF = {
    Id.PLATFORM: lambda person: person.api_user_id,
    Id.SOURCED: lambda person: person.sourced_id,
    Id.USER: lambda person: person.user_id,
}


@dataclass(frozen=True)
class Column:
    label: str
    points: int
    is_withheld: bool = False
    """Canvas: posted by hand."""
    is_percentage: bool = False


@dataclass(frozen=True)
class File:
    kind: str
    ids: Mapping[Id, int]
    """Where each is."""
    columns: Mapping[int, Column]
    """Where each is."""
    rows: Sequence[Sequence[Any]] = ()
    """Of people; with the ids in their places."""
    heading: Sequence[str] = ()
    above: Sequence[Sequence[Any]] = ()
    """Lines between the heading and those about people."""
    delimiter: str = ","
    mark: str = "."
    encoding: str = "utf-8"

    def _written(self, cell: Any) -> str:
        return f"{cell / 100:.2f}".replace(".", self.mark) if isinstance(cell, int) else cell

    def text(self) -> tuple[str, int]:
        """And where the lines about people begin."""
        out = io.StringIO()
        writer = csv.writer(out, delimiter=self.delimiter)
        writer.writerow(self.heading)
        writer.writerows([self._written(cell) for cell in row] for row in self.above)
        begin = out.tell()
        writer.writerows([self._written(cell) for cell in row] for row in self.rows)
        return out.getvalue(), begin

    def read_again(self, lines: str) -> list[list[str]] | None:
        """The rows that are in so much of the lines about people; None where the last one is not whole."""
        rows = [row for row in csv.reader(io.StringIO(lines, newline=""), delimiter=self.delimiter) if row]
        if lines.count('"') % 2 or (rows and len(rows[-1]) < len(self.heading) and not lines.endswith("\n")):
            return None
        return rows


@dataclass(frozen=True)
class Brought:
    content: bytes
    rows: list[list[str]] | None
    """What can be read of it; None where it has to be refused."""
    is_insisted_on: bool = False
    """Somebody types the points of columns that were proposed to be left out."""
    file: File = field(default_factory=lambda: File("", {}, {}))

    # The specification, read slowly.

    def means(self, roster: Sequence[Person]) -> Known | None:
        """None where it has to be refused."""
        if self.rows is None:
            return None
        lines: dict[str, list[str]] = {}
        for row in self.rows:
            who = self._about(row, roster)
            if who in lines:
                return None
            if who:
                lines[who] = row
        learners = {person.user_id for person in roster if person.roles == b.LEARNER}
        if not learners & lines.keys():
            return None
        items, scores, scored = {}, {}, 0
        for place, column in self.file.columns.items():
            ref = LABELS[column.label] if self.file.kind == "canvas" else f"csv:{column.label}"
            exclusion = UNPUBLISHED if column.is_withheld or self._is_for_nobody(place) else ""
            if not exclusion and any(self._value(row[place]) == "broken" for row in self.rows):
                if self.file.kind == "canvas":
                    continue  # it is proposed to be left out
                return None
            items[ref] = Item(ref, column.label, column.points * MILLIONTHS, exclusion)
            if exclusion:
                continue
            scored += 1
            found = {who: self._value(row[place]) for who, row in lines.items()}
            scores |= {(who, ref): value for who, value in found.items() if value != "nothing"}
        return Known(items, frozenset(learners & lines.keys()), scores) if scored else None

    def _about(self, row: Sequence[str], roster: Sequence[Person]) -> str | None:
        found = set()
        for kind, place in self.file.ids.items():
            if row[place]:
                same = {person.user_id for person in roster if ID_OF[kind](person) == row[place]}
                if len(same) > 1:
                    return None
                found |= same
        return found.pop() if len(found) == 1 else None

    def _is_for_nobody(self, place: int) -> bool:
        assert self.rows is not None
        return self.file.kind == "canvas" and {row[place] for row in self.rows} - {""} == {"N/A"}

    def _value(self, text: str) -> Any:
        text = text.removesuffix(" %")
        if text in {"", "-"}:
            return "nothing"
        if text in {"canvas": {"EX", "N/A"}, "moodle": set(), "table": {"EX"}}[self.file.kind]:
            return None
        if not re.fullmatch(rf"[0-9]+({re.escape(self.file.mark)}[0-9]+)?", text):
            return "broken"
        whole, _, decimals = text.partition(self.file.mark)
        return int(whole) * MILLIONTHS + int(decimals.ljust(6, "0"))


@st.composite
def files(draw: st.DrawFn, roster: Sequence[Person]) -> File:
    labels = draw(st.lists(st.sampled_from(sorted(LABELS)), unique=True, min_size=1))
    columns = [Column(label, draw(st.integers(10, 100))) for label in labels]
    match draw(st.sampled_from(["canvas", "moodle", "table"])):
        case "canvas":
            made = _canvas([replace(column, is_withheld=draw(st.integers(0, 4)) == 0) for column in columns])
        case "moodle":
            percentages = [replace(column, points=100, is_percentage=True) for column in columns]
            made = _moodle([draw(st.sampled_from(pair)) for pair in zip(columns, percentages, strict=True)])
        case _:
            made = _table(columns, draw(st.lists(st.sampled_from(list(Id)), unique=True, min_size=1)))
    mark, delimiter = draw(st.sampled_from([(".", ","), (",", ";"), (".", "\t"), (",", ",")]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "windows-1252"]))
    made = replace(made, mark=mark, delimiter=delimiter, encoding=encoding)
    return draw(filled(made, roster))


@st.composite
def filled(draw: st.DrawFn, file: File, roster: Sequence[Person]) -> File:
    """Its columns, with other lines."""
    return replace(file, rows=[_row(draw, file, person, roster) for person in draw(lines(roster))])


@st.composite
def lines(draw: st.DrawFn, roster: Sequence[Person]) -> list[Person]:
    """Whom they are about: mostly everybody, once; and somebody whom the course does not know."""
    found = [person for person in roster if draw(st.integers(0, 39))]
    if draw(st.integers(0, 19)) == 0:
        found.append(draw(st.sampled_from(roster)))
    if draw(st.booleans()):
        found.append(Person("u9", b.LEARNER, "Una Known", api_user_id="509", sourced_id="S-9"))
    return draw(st.permutations(found))


def _canvas(columns: Sequence[Column]) -> File:
    places = dict(enumerate(columns, 4))
    by_hand = ["", "", "", "", *("Manual Posting" if column.is_withheld else "" for column in columns), "", ""]
    points = ["    Points Possible", "", "", "", *(column.points * 100 for column in columns), "", "(read only)"]
    heading = ["Student", "ID", "SIS User ID", "Section"]
    heading += [f"{column.label} ({LABELS[column.label]})" for column in columns]
    above = [*([by_hand] if any(column.is_withheld for column in columns) else []), points]
    ids = {Id.PLATFORM: 1, Id.SOURCED: 2}
    return File("canvas", ids, places, heading=[*heading, "Notes", "Current Score"], above=above)


def _moodle(columns: Sequence[Column]) -> File:
    heading = ["First name", "Last name", "ID number"]
    heading += [f"{column.label} ({'Percentage' if column.is_percentage else 'Real'})" for column in columns]
    places = dict(enumerate(columns, 3))
    return File("moodle", {Id.SOURCED: 2}, places, heading=[*heading, "Course total (Real)"])


def _table(columns: Sequence[Column], ids: Sequence[Id]) -> File:
    heading = [*(f"which {kind}" for kind in ids), *(column.label for column in columns), "Remark"]
    return File(
        "table", {kind: place for place, kind in enumerate(ids)}, dict(enumerate(columns, len(ids))), heading=heading
    )


_NOT_GRADED = {"canvas": ["EX", "N/A", ""], "moodle": ["-"], "table": ["EX", ""]}


def _row(draw: st.DrawFn, file: File, person: Person, roster: Sequence[Person]) -> list[Cell]:
    row: list[Cell] = [""] * len(file.heading)
    for kind, place in file.ids.items():
        who = draw(st.sampled_from([person] * 60 + [draw(st.sampled_from(roster))]))
        row[place] = draw(st.sampled_from([ID_OF[kind](who)] * 50 + [""]))
    for place, column in file.columns.items():
        graded = draw(st.sampled_from([*_NOT_GRADED[file.kind], "graded", "graded", "graded", "graded", "graded"]))
        share = draw(st.sampled_from([0, 28, 29, 59, 60, 84, 85, 100, 120]))
        row[place] = share * column.points if graded == "graded" else graded
        if file.kind == "moodle" and draw(st.integers(0, 149)) == 0:
            row[place] = "EX"  # which is Canvas' word
        elif column.is_percentage and graded == "graded":
            row[place] = f"{share}{file.mark}00 %"
    if file.kind != "table":
        row[0] = person.name
    row[-1] = draw(st.sampled_from(["", "good, on the whole", "“well”\nsaid"])) if file.kind == "table" else ""
    return row


@st.composite
def brought(draw: st.DrawFn, roster: Sequence[Person], last: File | None, damages: Sequence[str]) -> Brought:
    """A new one, or the last one after some grading."""
    file = draw(filled(last, roster)) if last and draw(st.booleans()) else draw(files(roster))
    text, begin = file.text()
    rows, insists, content = file.read_again(text[begin:]), False, b""
    match draw(st.sampled_from(damages)):
        case "cut off":
            text = text[: draw(st.integers(begin, len(text)))]
            rows = file.read_again(text[begin:])
        case "a number that is none":
            place = draw(st.sampled_from(sorted(file.columns)))
            broken = [[*row] for row in file.rows]
            if broken and not file.columns[place].is_withheld:
                draw(st.sampled_from(broken))[place] = draw(st.sampled_from(["B+", "1e5", "NaN", "12x", "=1+1"]))
                text, _ = replace(file, rows=broken).text()
                rows, insists = None, True
        case "a sign that no text has":
            at = draw(st.integers(0, len(text)))
            text, rows = f"{text[:at]}\x00{text[at:]}", None
        case "a quotation mark":
            text, rows = f'{text}"', None
        case "a cell too many":
            text, rows = text + file.delimiter.join("x" * (len(file.heading) + 1)), None
        case "another encoding":
            content, rows = text.encode("utf-16-le"), None
        case "another file":
            content, rows = b"PK\x03\x04" + text.encode(), None
    return Brought(content or text.encode(file.encoding), rows, insists, file)


WHOLE = ["none"]
DAMAGED = [
    *("none",) * 12,
    *("cut off", "cut off"),
    *("a number that is none", "a sign that no text has", "a quotation mark"),
    *("a cell too many", "another encoding", "another file"),
]


@dataclass(frozen=True)
class Story:
    roster: list[Person]
    prior: Known
    files: list[Brought]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    roster = draw(rosters())
    story = Story(roster, draw(priors(roster)), [])
    for damages in (WHOLE, DAMAGED, DAMAGED):
        last = story.files[-1].file if story.files else None
        story.files.append(draw(brought(roster, last, damages)))
    return story


# ------------------------------------------------------------------------------------------------ what must hold

_numbers = count()


def bring(teacher: Visitor, file: Brought) -> TestResponse:
    """Choose it, look at what is proposed, say what is not, and take it."""
    page = teacher.post("/panel/upload", {"file": (io.BytesIO(file.content), "grades.csv")})
    if page.status_code != 200:
        return page
    upload = re.search(r'name="upload" value="(\w+)"', page.text)
    assert upload
    form = dict(re.findall(r'name="(points-[0-9]+)" value="([0-9.,]*)"', page.text))
    for kind, options in re.findall(r'name="(id-\w+)">(.*?)</select>', page.text, re.DOTALL):
        chosen = re.search(r'value="([0-9]+)" selected', options)
        form[kind] = chosen[1] if chosen else ""
    if file.file.kind != "canvas" or file.is_insisted_on:
        said = {place: column for place, column in file.file.columns.items() if not column.is_withheld}
        form |= {f"points-{place}": str(column.points) for place, column in said.items()}
    if file.file.kind == "table":
        form |= {f"id-{kind}": str(file.file.ids.get(kind, "")) for kind in Id}
    return teacher.post("/panel/upload/take", {"upload": upload[1], **form})


def held(course: Course) -> SyncRun | None:
    db.session.rollback()
    mine = select(SyncRun).join(HeldSnapshot, HeldSnapshot.run_id == SyncRun.id).where(SyncRun.course_id == course.id)
    return db.session.scalar(mine)


def mirrored(course: Course) -> Known:
    db.session.rollback()
    columns = (LineItem.ref, LineItem.label, LineItem.maximum, LineItem.exclusion)
    items = select(*columns).where(LineItem.course_id == course.id, LineItem.removed_at.is_(None))
    results = (
        select(Member.user_id, LineItem.ref, Result.score)
        .join(Result, Result.member_id == Member.id)
        .join(LineItem, LineItem.id == Result.line_item_id)
        .where(Member.course_id == course.id)
    )
    known = select(Member.user_id).where(Member.course_id == course.id, Member.is_evaluated)
    return Known(
        {ref: Item(ref, label, maximum, exclusion) for ref, label, maximum, exclusion in db.session.execute(items)},
        frozenset(db.session.scalars(known)),
        {(who, ref): score for who, ref, score in db.session.execute(results)},
    )


def lacks_much(before: Known, after: Known) -> bool:
    lost = before.graded() - after.graded()
    return lost >= sync.LOSS_COUNT and lost > sync.LOSS_SHARE * before.graded()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(story=stories(), rule=rules(REFS))
def test_mirror_and_certificates_follow_the_newest_gradebook_that_is_taken(
    client: FlaskClient, story: Story, rule: dict[str, Any]
) -> None:
    course = b.course(b.registration(f"https://{next(_numbers)}.example"))
    before = story.prior.snapshot()
    b.take(course, replace(before, people=story.roster))
    now, is_first = story.prior, True
    decided = Decided(course, rule, before)
    teacher = visitor(client, course, "tea", INSTRUCTOR)
    for file in story.files:
        then = file.means(story.roster)
        answer = bring(teacher, file)
        run = held(course)
        if then is None:
            event("refused")
            assert (answer.status_code, run) == (422, None)
            assert "Nothing was changed" in words(answer)
        elif is_first or now.known - then.known or lacks_much(now, then):
            event("held")
            assert answer.status_code == 200, words(answer)
            assert run is not None
            assert run.reason
            assert mirrored(course) == now
            decided.follow(now.snapshot())
            assert teacher.post("/panel/sync/accept", run=str(run.id)).status_code == 200
            now, is_first = then, False
        else:
            event("stored")
            assert run is None, run.reason
            assert "The gradebook is taken" in words(answer)
            now = then
        assert mirrored(course) == now
        decided.follow(now.snapshot())
