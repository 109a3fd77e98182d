"""A gradebook that an instructor brings: chosen, looked at, told what its columns are, and taken."""

from collections.abc import Iterator
from dataclasses import dataclass

from werkzeug.datastructures import FileStorage, MultiDict

from lti_cert.courses import uploading
from lti_cert.courses.models import SyncOutcome, UploadedGradebook
from lti_cert.lti.claims import LEARNER
from lti_cert.panel import forms, source_choice
from lti_cert.panel.instructor_pages import IdChoice, UploadColumn, UploadedFile, UploadLine, UploadPage
from lti_cert.panel.pages import Notice
from lti_cert.panel.place import Place, header
from lti_cert.panel.wording import counted, points
from lti_cert.sources import csv_file, csv_numbers
from lti_cert.sources.csv_file import FileRejected
from lti_cert.sources.csv_gradebook import Columns, Gradebook, Id, Layout

LARGEST_REQUEST = csv_file.MOST_BYTES + 64 * 1024
"""The file, and what stands around it."""

ADVICE = (
    f"A gradebook may have {csv_file.MOST_BYTES // 1024 // 1024} MB. Save it as CSV, without the columns that no "
    "certificate needs. Nothing was changed."
)

_LINES = 5
_COLUMNS = 6
"""So much of the table is shown as it was understood."""

_KINDS = {
    "canvas": "an export of Canvas’ gradebook",
    "moodle": "an export of Moodle’s gradebook",
    "": "a table; say what its columns are",
}
_IDS = {
    Id.PLATFORM: "The platform’s number of the person (Canvas: ID)",
    Id.SOURCED: "The institution’s id of the person (SIS User ID, ID number)",
    Id.USER: "The id by which the platform launches the person (LTI sub)",
}


@dataclass(frozen=True)
class _Written:
    """What the form says the columns are, as typed."""

    ids: dict[Id, int]
    points: dict[int, str]


def page_for(place: Place, *problems: str) -> UploadPage:
    """:raises RosterUnknown"""
    if not uploading.is_possible(place.course):
        raise uploading.RosterUnknown(f"course {place.course.id}")
    return UploadPage(header(place), problems)


def receive(place: Place, files: MultiDict[str, FileStorage]) -> UploadPage:
    """Keep the file that was chosen, and show how it is understood.

    :raises FileRejected, RosterUnknown
    """
    file = files.get("file")
    if not file or not file.filename:
        raise FileRejected("Choose a file first.")
    with file.stream:
        content = file.read(csv_file.MOST_BYTES + 1)
    public_id = uploading.keep(place.course, place.viewer.member_id, file.filename, content)
    return preview(place, public_id)


def preview(place: Place, public_id: str, form: forms.Form | None = None) -> UploadPage:
    """The file as it is understood by itself, or as the form says.

    :raises UploadGone
    """
    upload = uploading.find(place.course, place.viewer.member_id, public_id)
    brought = uploading.brought(place.course, upload)
    layout = brought.layout
    written = _proposed(layout) if form is None else _read(form, layout)
    columns, wrong = _columns(layout, written)
    book = brought.read(columns)
    shown = _file(upload, layout, written, book)
    return UploadPage(header(place), (*wrong, *(book.problems if form is not None else ())), shown)


def take(place: Place, public_id: str, form: forms.Form) -> Notice | None:
    """None where it is held, to be looked at.

    :raises UploadGone
    :raises FileUnusable: with a sentence for every problem.
    """
    upload = uploading.find(place.course, place.viewer.member_id, public_id)
    layout = uploading.brought(place.course, upload).layout
    columns, wrong = _columns(layout, _read(form, layout))
    if wrong:
        raise uploading.FileUnusable(*wrong)
    run = uploading.take_kept(place.course.id, place.viewer.member_id, public_id, columns)
    if run.outcome == SyncOutcome.HELD:
        return None
    return Notice("done", "The gradebook is taken; who qualifies is being worked out.")


def _proposed(layout: Layout) -> _Written:
    return _Written(
        dict(layout.columns.people), {place: points(number) for place, number in layout.columns.points.items()}
    )


def _read(form: forms.Form, layout: Layout) -> _Written:
    """:raises InputRejected: a column is none of the file."""
    width = len(layout.table.heading)
    allowed = [str(place) for place in range(width)]
    ids = {kind: int(forms.choice(form, f"id-{kind}", allowed)) for kind in Id if form.get(f"id-{kind}")}
    return _Written(ids, {place: text for place in range(width) if (text := form.get(f"points-{place}", "").strip())})


def _columns(layout: Layout, written: _Written) -> tuple[Columns, list[str]]:
    """What the form says, and what of it cannot be."""
    read = {place: csv_numbers.points(text) for place, text in written.points.items()}
    wrong = [
        f"“{layout.label(place)}”: “{written.points[place][:20]}” is no number of points."
        for place, number in read.items()
        if number is None
    ]
    return Columns(written.ids, {place: number for place, number in read.items() if number is not None}), wrong


def _file(upload: UploadedGradebook, layout: Layout, written: _Written, book: Gradebook) -> UploadedFile:
    learners = [person for person in book.people if LEARNER in person.roles]
    missing = [person for person in learners if not person.is_known]
    heading = layout.table.heading
    return UploadedFile(
        id=upload.public_id,
        name=upload.name,
        kind=_KINDS[layout.kind],
        lines=len(layout.lines),
        matched=len(book.lines),
        learners=len(learners),
        roster_problem=upload.roster_problem,
        missing=tuple(source_choice.names_of(missing)),
        unmatched=tuple(_unmatched(book)),
        ids=tuple(IdChoice(kind.value, _IDS[kind], written.ids.get(kind)) for kind in Id),
        headings=tuple(name or f"Column {place + 1}" for place, name in enumerate(heading)),
        columns=tuple(
            UploadColumn(place, heading[place] or f"Column {place + 1}", written.points.get(place, ""), note)
            for place in range(len(heading))
            if place not in {*written.ids.values(), *layout.names}
            for note in (layout.left_out.get(place, ""),)
        ),
        shown=tuple(written.points)[:_COLUMNS],
        first=tuple(_first_lines(layout, written, book)),
    )


def _unmatched(book: Gradebook) -> Iterator[str]:
    most = source_choice.MOST_NAMES
    for one in book.unmatched[:most]:
        yield f"{one.name or 'Without a name'} (line {one.line}): {one.reason}"
    if len(book.unmatched) > most:
        yield f"and {counted(len(book.unmatched) - most, 'other line', 'other lines')}"


def _first_lines(layout: Layout, written: _Written, book: Gradebook) -> Iterator[UploadLine]:
    places = tuple(written.points)[:_COLUMNS]
    unmatched = {one.line for one in book.unmatched}
    for line in layout.lines[:_LINES]:
        who = layout.name(line) or ", ".join(line.cells[place] for place in written.ids.values())
        is_matched = bool(written.ids) and line.number not in unmatched
        yield UploadLine(line.number, who, is_matched, tuple(line.cells[place][:40] for place in places))
