"""Uploaded gradebooks: files as Canvas, Moodle and spreadsheets write them, and every kind of broken one."""

import csv
import io
from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lti_cert.sources import csv_file, csv_gradebook, csv_numbers
from lti_cert.sources.csv_gradebook import Columns, Gradebook, Id, Layout
from lti_cert.sources.snapshot import Person

LEARNER = frozenset({"learner"})
ROSTER = [
    Person("sub-ada", LEARNER, "Ada Byron", api_user_id="501", sourced_id="S-1"),
    Person("sub-bob", LEARNER, "Bob Ross", api_user_id="502", sourced_id="S-2"),
    Person("sub-cyd", LEARNER, "Cyd Low", sourced_id="S-3"),
    Person("sub-tea", frozenset({"instructor"}), "Dr. Chen"),
]

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Quiz 1 (11),"Essay, long (12)",Survey (13),Project (14),Secret (15),Notes,\
Assignments Current Score,Current Score,Final Score
,,,,,,,,Manual Posting,,,,,
    Points Possible,,,,,20.00,100.00,0.00,10.00,5.00,,(read only),(read only),(read only)
"Byron, Ada",501,S-1,ada,A,17.40,EX,1.00,9.00,N/A,nice,87.00,87.00,87.00
"Ross, Bob",502,S-2,bob,A and B,,N/A,,,N/A,,0.00,0.00,0.00
"Low, Cyd",599,S-3,cyd,A,0.00,104.50,,,N/A,,70.00,70.00,70.00
"Student, Test",777,,x,A,20.00,100.00,,,N/A,,,,
"""

MOODLE = """\
"First name","Last name","ID number",Institution,Department,"Email address","Assignment: Essay (Real)",\
"Assignment: Essay (Feedback)","Quiz: Test 1 (Real)","Quiz: Test 1 (Percentage)","Course total (Real)",\
"Last downloaded from this course"
Ada,Byron,S-1,,,ada@example.edu,17.40,"Good,
really",8.00,"80.00 %",25.40,1764000000
Bob,Ross,S-2,,,bob@example.edu,-,,-,-,-,1764000000
Una,Known,S-9,,,cyd@example.edu,20.00,,10.00,"100.00 %",30.00,1764000000
"""


def understood(text: str | bytes, points: Mapping[str, int] | None = None) -> Layout:
    table = csv_file.read(text if isinstance(text, bytes) else text.encode())
    return csv_gradebook.understand(table, ROSTER, points or {})


def read(text: str | bytes, points: Mapping[str, int] | None = None) -> Gradebook:
    layout = understood(text, points)
    return csv_gradebook.read(layout, layout.columns, ROSTER)


def stands(book: Gradebook) -> dict[str, dict[str, float | None]]:
    labels = {item.ref: item.label for item in book.items}
    return {
        labels[ref]: {user_id: None if score is None else score / 1_000_000 for user_id, score in scores}
        for ref, scores in book.scores.items()
    }


def known(book: Gradebook) -> dict[str, bool]:
    return {person.user_id: person.is_known for person in book.people}


# Canvas


def test_canvas_own_export_is_read_with_its_ids() -> None:
    book = read(CANVAS)
    assert book.problems == []
    assert [(item.ref, item.label, item.maximum, item.exclusion) for item in book.items] == [
        ("11", "Quiz 1", 20_000_000, ""),
        ("12", "Essay, long", 100_000_000, ""),
        ("13", "Survey", 0, "no_points"),
        ("14", "Project", 10_000_000, "unpublished"),
        ("15", "Secret", 5_000_000, "unpublished"),
    ]
    assert stands(book) == {
        "Quiz 1": {"sub-ada": 17.4, "sub-cyd": 0},
        "Essay, long": {"sub-ada": None, "sub-bob": None, "sub-cyd": 104.5},
    }
    assert known(book) == {"sub-ada": True, "sub-bob": True, "sub-cyd": True, "sub-tea": True}


def test_who_is_not_in_the_course_matches_nobody() -> None:
    (one,) = read(CANVAS).unmatched
    assert (one.line, one.name, one.reason) == (7, "Student, Test", "nobody in the course has this id")


def test_what_canvas_withholds_counts_once_somebody_says_that_it_is_posted() -> None:
    layout = understood(CANVAS)
    assert "posted by hand" in layout.left_out[8]
    assert "not shown to anybody" in layout.left_out[9]
    points = {**layout.columns.points, 8: 10_000_000}
    book = csv_gradebook.read(layout, Columns(layout.columns.people, points), ROSTER)
    assert stands(book)["Project"] == {"sub-ada": 9}


def test_canvas_export_of_another_language_has_semicolons_and_decimal_commas() -> None:
    lines = [line for line in csv.reader(io.StringIO(CANVAS))]
    out = io.StringIO()
    is_number = str.isdecimal
    csv.writer(out, delimiter=";").writerows(
        [cell.replace(".", ",") if is_number(cell.replace(".", "", 1)) else cell for cell in line] for line in lines
    )
    assert stands(read("\ufeff" + out.getvalue())) == stands(read(CANVAS))


def test_a_line_whose_ids_contradict_matches_nobody() -> None:
    book = read(CANVAS.replace("502,S-2", "502,S-3"))
    assert {one.line: one.reason for one in book.unmatched}[5] == "its ids are those of different people"
    assert known(book)["sub-bob"] is False


# Moodle


def test_moodles_own_export_asks_for_points_that_it_does_not_tell() -> None:
    layout = understood(MOODLE)
    assert (layout.kind, layout.columns.people) == ("moodle", {Id.SOURCED: 2})
    assert layout.columns.points == {9: 100_000_000}
    assert layout.left_out[10] == "a total"
    points = {**layout.columns.points, 6: 20_000_000}
    book = csv_gradebook.read(layout, Columns(layout.columns.people, points), ROSTER)
    assert book.problems == []
    assert stands(book) == {"Assignment: Essay": {"sub-ada": 17.4}, "Quiz: Test 1": {"sub-ada": 80}}
    assert known(book) == {"sub-ada": True, "sub-bob": True, "sub-cyd": False, "sub-tea": True}
    assert [one.name for one in book.unmatched] == ["Una Known"]


def test_points_of_columns_that_the_course_has_already_are_proposed() -> None:
    assert understood(MOODLE, {"Essay": 20_000_000}).columns.points[6] == 20_000_000
    assert understood(MOODLE, {"Assignment: Essay": 25_000_000, "Essay": 1}).columns.points[6] == 25_000_000


def test_one_assessment_in_two_columns_is_refused() -> None:
    layout = understood(MOODLE)
    points = {8: 10_000_000, 9: 100_000_000}
    book = csv_gradebook.read(layout, Columns(layout.columns.people, points), ROSTER)
    assert book.problems == ["Two columns are “Quiz: Test 1”. Leave out one of them."]


# Any table

PLAIN = "who;Lab;Talk\nS-1;12,5;\nS-2;20;9\n"


def plain(text: str = PLAIN, *, lab: int = 20, talk: int | None = 10) -> Gradebook:
    points = {1: lab * 1_000_000} | ({2: talk * 1_000_000} if talk else {})
    return csv_gradebook.read(understood(text), Columns({Id.SOURCED: 0}, points), ROSTER)


def test_any_table_is_read_as_it_is_said_to_be() -> None:
    assert stands(plain()) == {"Lab": {"sub-ada": 12.5, "sub-bob": 20}, "Talk": {"sub-bob": 9}}
    assert [item.ref for item in plain().items] == ["csv:Lab", "csv:Talk"]


def test_the_column_of_ids_is_proposed_where_half_the_lines_have_one() -> None:
    assert understood(PLAIN).columns.people == {Id.SOURCED: 0}
    assert understood("a,who\n1,S-1\n2,S-2\n3,x\n").columns.people == {Id.SOURCED: 1}
    assert understood("mail,Lab\nada@example.edu,1\n").columns.people == {}


def test_nobody_is_matched_by_name_or_mail() -> None:
    people = [Person("u", LEARNER, "Ada Byron", "ada@example.edu")]
    table = csv_file.read(b"Name,Mail,Lab\nAda Byron,ada@example.edu,5\n")
    for column in (0, 1):
        for kind in Id:
            book = csv_gradebook.read(Layout(table, table.lines), Columns({kind: column}, {2: 5_000_000}), people)
            assert book.problems == ["Nobody in the file is known as a learner of this course."]
            assert known(book) == {"u": False}


def test_an_id_that_two_people_have_matches_neither() -> None:
    people = [Person("u", LEARNER, sourced_id="S-1"), Person("v", LEARNER, sourced_id="S-1"), *ROSTER[1:]]
    layout = understood(PLAIN)
    book = csv_gradebook.read(layout, Columns({Id.SOURCED: 0}, {1: 20_000_000}), people)
    assert [one.reason for one in book.unmatched] == ["several people of the course have this id"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            PLAIN.replace("S-2", "S-1"),
            "Lines 2 and 3 are about the same person.",
        ),
        (
            PLAIN.replace("12,5", "B+"),
            "“Lab” has cells that are no numbers: “B+” in line 2. Leave the column out, or correct it.",
        ),
        (
            PLAIN.replace("12,5", "1e5"),
            "“Lab” has cells that are no numbers: “1e5” in line 2. Leave the column out, or correct it.",
        ),
        (PLAIN.replace("12,5", "60 %"), "“Lab” has percentages, so it has 100 points."),
        (PLAIN.replace("S-", "T-"), "Nobody in the file is known as a learner of this course."),
    ],
)
def test_what_makes_no_snapshot_is_said(text: str, problem: str) -> None:
    assert plain(text).problems == [problem]


def test_a_table_without_people_or_assessments_asks_for_them() -> None:
    assert csv_gradebook.read(understood("a,b\nc,d\n"), Columns(), ROSTER).problems == [
        "Say which column tells who each line is about.",
        "Say of at least one column how many points it has.",
    ]


# Numbers


@pytest.mark.parametrize(
    ("texts", "points"),
    [
        (["17.4", "20"], ["17.4", "20"]),
        (["17,4", "20"], ["17.4", "20"]),
        (["1,234.50", "1,000"], ["1234.5", "1000"]),
        (["1.234,50", "999"], ["1234.5", "999"]),
        (["0.125"], ["0.125"]),
        (["17.412", "3.5"], ["17.412", "3.5"]),
        (["-3", "−2.5", "+1"], ["-3", "-2.5", "1"]),
        (["0.0000005"], ["0.000001"]),
    ],
)
def test_the_mark_for_decimals_is_found_for_the_whole_file(texts: list[str], points: list[str]) -> None:
    assert csv_numbers.read_all(texts) == {
        text: int(Fraction(value) * 1_000_000) for text, value in zip(texts, points, strict=True)
    }


@pytest.mark.parametrize("texts", [["1,234"], ["1.234", "12"], ["17.5", "1,234"], ["17.5", "17,5"]])
def test_numbers_that_can_be_read_in_two_ways_are_refused(texts: list[str]) -> None:
    with pytest.raises(csv_numbers.NumbersAmbiguous, match="cannot be told"):
        csv_numbers.read_all(texts)


@pytest.mark.parametrize("text", ["NaN", "inf", "1e3", "1 000", "٣", "0x10", "1.2.3", ".", "=1+1", "1" * 16])
def test_what_is_no_number_is_none(text: str) -> None:
    assert csv_numbers.read_all([text]) == {}


# Files


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_every_usual_encoding_is_read(encoding: str) -> None:
    table = csv_file.read("Näme\tPunkte\r\nJosé\t5\r\n".encode(encoding))
    assert (table.heading, table.lines[0].cells) == (("Näme", "Punkte"), ("José", "5"))


@pytest.mark.parametrize("heading", ["who;,", "who;Essay, final"])
def test_a_comma_of_names_and_numbers_is_not_taken_for_the_delimiter(heading: str) -> None:
    table = csv_file.read(f"{heading}\r\nS-1;0,50\r\n".encode())
    assert table.heading == tuple(heading.split(";"))
    assert table.lines[0].cells == ("S-1", "0,50")


def test_quoted_cells_may_hold_delimiters_and_lines() -> None:
    table = csv_file.read(b'Name,"Quiz; one, two"\n"A\nB","5"\n\n,\nC,6')
    assert table.heading == ("Name", "Quiz; one, two")
    assert [(line.number, line.cells) for line in table.lines] == [(3, ("A\nB", "5")), (6, ("C", "6"))]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"PK\x03\x04rest", "workbook"),
        (b"%PDF-1.7", "PDF"),
        (b"a,b\n1,\x002\n", "Line 2 holds a sign"),
        (b"a,b\n1,\x1b[2J\n", "Line 2 holds a sign"),
        (b"a,b\n\x81\x8d,2\n", "encoding"),
        (b"\xff\xfea\x00,", "encoding"),
        (b"a,b\n", "no table"),
        (b"a\nb\nc\n", "one column"),
        (b'a,b\n"1,2\n', "quotation mark"),
        (b'a,b\n"1"x,2\n', "quotation mark"),
        (b"a,b\n1,2,3\n", "Line 2 has 3 cells"),
        (b"a,b,c\n1,2,3\n4,5", "middle of a line"),
        (b"a,b\n" + b"x" * 20_001 + b",1\n", "more than 20,000 letters"),
        (b"a,b\n" + b"x" * 140_000 + b",1\n", "too long"),
        (b",".join(b"c%d" % n for n in range(1001)) + b"\n1\n", "too large"),
        (b"a,b\n" + b"1,2\n" * 20_000, "too large"),
        (b"a,b\n" + b"1,2\n" * 2_100_000, "larger than 8 MB"),
    ],
)
def test_a_broken_file_is_refused_in_words(content: bytes, problem: str) -> None:
    with pytest.raises(csv_file.FileRejected) as refused:
        csv_file.read(content)
    assert problem in refused.value.shown_message


@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_be_refused(content: bytes) -> None:
    with suppress(csv_file.FileRejected):
        read(content)


# By chance


@st.composite
def gradebooks(draw: st.DrawFn) -> tuple[str, Mapping[str, Mapping[str, Fraction | None]], Mapping[str, int]]:
    """A table, what it means, and the points of its columns."""
    labels = draw(
        st.lists(
            st.text('abcdéß, ;"=+@', min_size=1, max_size=8).map(str.strip).filter(bool),
            min_size=1,
            max_size=4,
            unique=True,
        )
    )
    who = draw(st.lists(st.sampled_from(["S-1", "S-2", "S-3", "S-8", "S-9"]), min_size=1, max_size=5, unique=True))
    mark, delimiter = draw(st.sampled_from([(".", ","), (",", ";"), (".", "\t"), (",", ",")]))
    points = {label: draw(st.integers(1, 200)) for label in labels}
    cell = st.one_of(st.none(), st.just("EX"), st.integers(-100, 30_000))
    ids = {person.sourced_id: person.user_id for person in ROSTER if person.sourced_id}
    means: dict[str, dict[str, Fraction | None]] = {label: {} for label in labels}
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["who", *labels])
    for one in who:
        row = [one]
        for label in labels:
            value = draw(cell)
            row.append(
                "" if value is None else value if isinstance(value, str) else f"{value / 100:.2f}".replace(".", mark)
            )
            if one in ids and value is not None:
                means[label][ids[one]] = None if value == "EX" else Fraction(value, 100)
        writer.writerow(row)
    return out.getvalue(), means, points


@settings(max_examples=200, deadline=None)
@given(gradebooks())
def test_a_table_means_what_was_written_into_it(
    drawn: tuple[str, Mapping[str, Mapping[str, Fraction | None]], Mapping[str, int]],
) -> None:
    text, means, points = drawn
    table = csv_file.read(text.encode())
    columns = {n: points[label] * 1_000_000 for n, label in enumerate(table.heading) if n}
    book = csv_gradebook.read(Layout(table, table.lines), Columns({Id.SOURCED: 0}, columns), ROSTER)
    if any(person.is_known for person in book.people if "learner" in person.roles):
        assert book.problems == []
    labels = {item.ref: item.label for item in book.items}
    found = {
        labels[ref]: {user_id: None if score is None else Fraction(score, 1_000_000) for user_id, score in scores}
        for ref, scores in book.scores.items()
    }
    assert found == means
