"""A gradebook in a table: what its columns are, whom its lines are about, and the snapshot that it makes. Pure.

Canvas' and Moodle's own exports are recognised; of any other table somebody says what is what. People are matched by
ids that the platform has signed, never by name or e-mail.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from lti_cert.lti.claims import LEARNER
from lti_cert.sources import csv_numbers
from lti_cert.sources.csv_file import Line, Table
from lti_cert.sources.snapshot import MILLIONTHS, NO_POINTS, UNPUBLISHED, Item, Person, Score

NAME = "csv"

HUNDRED = 100 * MILLIONTHS
_PREFIX = "csv:"
_MOST_PROBLEMS = 3
"""Cells of one column that are named one by one."""


class Id(StrEnum):
    """What a column may hold that tells who a line is about."""

    PLATFORM = "platform_id"
    """The LMS's own number of her."""
    SOURCED = "sourced_id"
    """The institution's id of her."""
    USER = "user_id"
    """LTI's `sub`."""


_ID_OF: Mapping[Id, Callable[[Person], str]] = {
    Id.PLATFORM: lambda person: person.api_user_id,
    Id.SOURCED: lambda person: person.sourced_id,
    Id.USER: lambda person: person.user_id,
}


@dataclass(frozen=True)
class Columns:
    """Which columns are what, by their place from 0."""

    people: Mapping[Id, int] = field(default_factory=dict)
    points: Mapping[int, int] = field(default_factory=dict)
    """Assessments, with how many points each has, in millionths."""


@dataclass(frozen=True)
class Layout:
    """A table that is understood as far as it can be by itself."""

    table: Table
    lines: Sequence[Line]
    """Those about people."""
    kind: str = ""
    """canvas, moodle, or empty."""
    columns: Columns = Columns()
    """As proposed."""
    labels: Mapping[int, str] = field(default_factory=dict)
    """Of columns that are not called by their heading."""
    refs: Mapping[int, str] = field(default_factory=dict)
    """By which the platform knows a column, where the heading tells it."""
    names: Sequence[int] = ()
    """Columns that hold people's names."""
    left_out: Mapping[int, str] = field(default_factory=dict)
    """Columns that are proposed to be left out, with a reason worth knowing."""
    withheld: Mapping[int, int] = field(default_factory=dict)
    """Assessments whose scores learners may not see yet, with their points."""
    nothing: frozenset[str] = frozenset({"", "-", "–"})
    """What stands where nothing is graded."""
    excused: frozenset[str] = frozenset({"EX"})
    evidence: Sequence[str] = ()
    """Further numbers of the file, by which its mark for decimals is found."""

    def label(self, column: int) -> str:
        return self.labels.get(column) or self.table.heading[column] or f"Column {column + 1}"

    def ref(self, column: int) -> str:
        return self.refs.get(column) or _PREFIX + self.label(column)

    def name(self, line: Line) -> str:
        return " ".join(line.cells[column] for column in self.names if line.cells[column])


@dataclass(frozen=True)
class Unmatched:
    line: int
    name: str
    reason: str


@dataclass
class Gradebook:
    """What a table says of a course. With `problems` it says nothing."""

    items: list[Item] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    """The whole roster; learners of whom the table has no line are unknown."""
    scores: dict[str, list[Score]] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    """By user id the line that is about her."""
    unmatched: list[Unmatched] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def understand(table: Table, roster: Sequence[Person], points: Mapping[str, int]) -> Layout:
    """`points` of the columns that the course has now, by their names, are proposed for columns of the same name."""
    layout = _canvas(table) or _moodle(table) or Layout(table, table.lines)
    columns = layout.columns
    if not columns.people:
        columns = replace(columns, people=_guess_people(layout, roster))
    known = {
        column: points[name]
        for column in range(len(table.heading))
        for name in (layout.label(column).partition(": ")[2], layout.label(column))  # Moodle says of what kind one is
        if name in points and column not in {*layout.left_out, *columns.people.values()}
    }
    return replace(layout, columns=replace(columns, points=known | dict(columns.points)))


# Canvas


_CANVAS_PERSON = {"Student", "LastName", "FirstName", "ID", "SIS User ID", "SIS Login ID", "Integration ID", "Section"}
_CANVAS_ASSIGNMENT = re.compile(r"(?P<label>.*) \((?P<id>[0-9]+)\)", re.DOTALL)
_NOT_ASSIGNED = "N/A"


def _canvas(table: Table) -> Layout | None:
    """As “Export entire gradebook” writes it: a line with the points, above it perhaps one that says which assignments
    are posted by hand, then one a student.
    """
    place = {name: column for column, name in enumerate(table.heading)}
    top = next((n for n, line in enumerate(table.lines[:2]) if line.cells[0] == "Points Possible"), None)
    if top is None or "ID" not in place or not place.keys() & {"Student", "LastName"}:
        return None
    points_line, lines = table.lines[top], table.lines[top + 1 :]
    found = {
        column: match for column, name in enumerate(table.heading) if (match := _CANVAS_ASSIGNMENT.fullmatch(name))
    }
    possible = {column: points_line.cells[column] for column in found}
    try:
        numbers = csv_numbers.read_all((*possible.values(), *_cells(lines, found)))
    except csv_numbers.NumbersAmbiguous:
        numbers = csv_numbers.read_all(text for text in possible.values() if text.isdecimal())
    points = {column: numbers.get(text, 0) for column, text in possible.items()}
    left_out = {
        column: "worked out by Canvas, or not graded"
        for column, name in enumerate(table.heading)
        if column not in found and name not in _CANVAS_PERSON
    }
    withheld = {}
    for column in found:
        texts = {line.cells[column] for line in lines} - {""}
        if any(line.cells[column] for line in table.lines[:top]):
            left_out[column] = (
                "posted by hand: the file does not say which of its scores learners may see. Give its points if all "
                "are posted"
            )
            withheld[column] = points.pop(column)
        elif texts == {_NOT_ASSIGNED}:
            left_out[column] = "its scores are not shown to anybody"
            withheld[column] = points.pop(column)
        elif points[column] > 0 and not texts <= {*numbers, "EX", _NOT_ASSIGNED, "-"}:
            left_out[column] = "its cells are no numbers"
            del points[column]
    return Layout(
        table,
        lines,
        "canvas",
        Columns(_present(place, {Id.PLATFORM: "ID", Id.SOURCED: "SIS User ID"}), points),
        labels={column: match["label"] for column, match in found.items()},
        refs={column: match["id"] for column, match in found.items()},
        names=[place[name] for name in ("Student", "FirstName", "LastName") if name in place],
        left_out=left_out,
        withheld=withheld,
        # “N/A” is what was assigned to others only.
        excused=frozenset({"EX", _NOT_ASSIGNED}),
        evidence=tuple(possible.values()),
    )


def _present(place: Mapping[str, int], wanted: Mapping[Id, str]) -> dict[Id, int]:
    return {kind: place[name] for kind, name in wanted.items() if name in place}


# Moodle


_MOODLE_GRADE = re.compile(r"(?P<label>.*) \((?P<shown>Real|Percentage|Letter|Feedback)\)", re.DOTALL)
_MOODLE_TOTAL = " total"
_MOODLE_NAMES = ("First name", "Last name", "Surname")


def _moodle(table: Table) -> Layout | None:
    """As Grades, Export, Plain text file writes it. It does not tell how many points there are."""
    place = {name: column for column, name in enumerate(table.heading)}
    found = {column: match for column, name in enumerate(table.heading) if (match := _MOODLE_GRADE.fullmatch(name))}
    if not found or not place.keys() & {*_MOODLE_NAMES, "ID number"}:
        return None
    points, left_out = {}, {}
    has_percentage = {match["label"] for match in found.values() if match["shown"] == "Percentage"}
    for column, match in found.items():
        if match["label"].endswith(_MOODLE_TOTAL):
            left_out[column] = "a total"
        elif match["shown"] == "Percentage":
            points[column] = HUNDRED
        elif match["shown"] != "Real":
            left_out[column] = "no points"
        elif match["label"] in has_percentage:
            left_out[column] = "the same grades as in its column of percentages"
    return Layout(
        table,
        table.lines,
        "moodle",
        Columns(_present(place, {Id.SOURCED: "ID number"}), points),
        labels={column: match["label"] for column, match in found.items()},
        names=[place[name] for name in _MOODLE_NAMES if name in place],
        left_out=left_out,
        excused=frozenset(),
    )


# Any other


def _guess_people(layout: Layout, roster: Sequence[Person]) -> dict[Id, int]:
    """For each kind of id the column in which at least half of the lines have one that the roster knows, if any."""
    found: dict[Id, int] = {}
    for kind, id_of in _ID_OF.items():
        known = {id_of(person) for person in roster} - {""}
        hits = Counter(
            {
                column: len(known.intersection(line.cells[column] for line in layout.lines))
                for column in range(len(layout.table.heading))
            }
        )
        column, most = hits.most_common(1)[0]
        if 2 * most >= len(layout.lines) and column not in found.values():
            found[kind] = column
    return found


# What it says


def read(layout: Layout, columns: Columns, roster: Sequence[Person]) -> Gradebook:
    book = Gradebook()
    scored = dict(sorted(columns.points.items()))
    if not columns.people:
        book.problems.append("Say which column tells who each line is about.")
    if not scored:
        book.problems.append("Say of at least one column how many points it has.")
    withheld = {column: points for column, points in layout.withheld.items() if column not in scored}
    _add_items(book, layout, scored, withheld)
    values = _values(book, layout, scored)
    lines = book.lines = dict(_matched(book, layout, columns, roster)) if columns.people else {}
    for column, points in scored.items():
        if points > 0:
            found = values[column]
            book.scores[layout.ref(column)] = [
                Score(user_id, found[line.cells[column]])
                for user_id, line in lines.items()
                if line.cells[column] in found
            ]
    book.people = [
        replace(person, is_known=person.user_id in lines or LEARNER not in person.roles) for person in roster
    ]
    if columns.people and not any(person.is_known for person in book.people if LEARNER in person.roles):
        book.problems.append("Nobody in the file is known as a learner of this course.")
    return book


def _add_items(book: Gradebook, layout: Layout, scored: Mapping[int, int], withheld: Mapping[int, int]) -> None:
    for column, points in sorted({**scored, **withheld}.items()):
        exclusion = NO_POINTS if points <= 0 else UNPUBLISHED if column in withheld else ""
        book.items.append(Item(layout.ref(column), layout.label(column), points, exclusion))
    for ref, times in Counter(item.ref for item in book.items).items():
        if times > 1:
            label = next(item.label for item in book.items if item.ref == ref)
            book.problems.append(f"Two columns are “{label}”. Leave out one of them.")


def _values(book: Gradebook, layout: Layout, scored: Mapping[int, int]) -> dict[int, dict[str, int | None]]:
    """By column what its cells mean: a score in millionths, None for excused; what means nothing is left out."""
    asked = {column: points for column, points in scored.items() if points > 0}
    texts = {column: {line.cells[column] for line in layout.lines} - layout.nothing for column in asked}
    try:
        numbers = csv_numbers.read_all(
            (*layout.evidence, *(_without_percent(text) for found in texts.values() for text in found))
        )
    except csv_numbers.NumbersAmbiguous as why:
        book.problems.append(str(why))
        return {column: {} for column in asked}
    values: dict[int, dict[str, int | None]] = {}
    for column, found in texts.items():
        values[column] = {text: None for text in found if text.upper() in layout.excused}
        rest = found - values[column].keys()
        values[column] |= {text: numbers[bare] for text in rest if (bare := _without_percent(text)) in numbers}
        if unread := rest - values[column].keys():
            book.problems.append(_unread(layout, column, unread))
        if asked[column] != HUNDRED and any(text.endswith("%") for text in found):
            book.problems.append(f"“{layout.label(column)}” has percentages, so it has 100 points.")
    return values


def _without_percent(text: str) -> str:
    return text.removesuffix("%").rstrip()


def _unread(layout: Layout, column: int, unread: Iterable[str]) -> str:
    wrong = set(unread)
    lines = [line for line in layout.lines if line.cells[column] in wrong]
    shown = ", ".join(f"“{line.cells[column][:40]}” in line {line.number}" for line in lines[:_MOST_PROBLEMS])
    more = f" and {len(lines) - _MOST_PROBLEMS:,} more" if len(lines) > _MOST_PROBLEMS else ""
    return (
        f"“{layout.label(column)}” has cells that are no numbers: {shown}{more}. Leave the column out, or correct it."
    )


def _matched(book: Gradebook, layout: Layout, columns: Columns, roster: Sequence[Person]) -> Iterator[tuple[str, Line]]:
    """The line of each person whom the table knows."""
    known: dict[Id, dict[str, list[str]]] = {kind: defaultdict(list) for kind in columns.people}
    for kind in columns.people:
        for person in roster:
            known[kind][_ID_OF[kind](person)].append(person.user_id)
    first: dict[str, Line] = {}
    for line in layout.lines:
        ids = {kind: line.cells[column] for kind, column in columns.people.items() if line.cells[column]}
        hits = [known[kind].get(value, []) for kind, value in ids.items()]
        people = {user_id for hit in hits for user_id in hit}
        if reason := _why_unmatched(ids, hits, people):
            name = layout.name(line) or ", ".join(ids.values())
            book.unmatched.append(Unmatched(line.number, name, reason))
            continue
        (user_id,) = people
        if user_id in first:
            book.problems.append(f"Lines {first[user_id].number} and {line.number} are about the same person.")
            continue
        first[user_id] = line
        yield user_id, line


def _why_unmatched(ids: Mapping[Id, str], hits: Sequence[Sequence[str]], people: Iterable[str]) -> str:
    """Empty where there is exactly one person whom the line can be about."""
    if not ids:
        return "it has no id"
    if any(len(hit) > 1 for hit in hits):
        return "several people of the course have this id"
    match len(set(people)):
        case 0:
            return "nobody in the course has this id"
        case 1:
            return ""
        case _:
            return "its ids are those of different people"


def _cells(lines: Sequence[Line], columns: Iterable[int]) -> Iterator[str]:
    return (line.cells[column] for column in columns for line in lines)
