"""A file of comma-separated values, as spreadsheets and learning platforms write them: bytes to a table, or what is
wrong with it in words. Pure.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from lti_cert.core.errors import InputRejected

MOST_BYTES = 8 * 1024 * 1024
MOST_LINES = 20_000
MOST_COLUMNS = 1_000
MOST_CELLS = 2_000_000
LONGEST_CELL = 20_000
"""Letters: exports may carry the feedback that learners were given."""

_DELIMITERS = "\t;,"
"""A comma stands in numbers and names too, so it is the last to be thought of."""
_LOOKED_AT = 20
"""Lines by which the delimiter is found."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHER_FILES = (
    (b"PK\x03\x04", "a workbook of a spreadsheet program"),
    (b"\xd0\xcf\x11\xe0", "a workbook of a spreadsheet program"),
    (b"%PDF", "a PDF document"),
)
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


class FileRejected(InputRejected):
    title = "This file cannot be used"


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    """In the file, from 1; the last one where a cell holds several."""
    cells: tuple[str, ...]
    """As many as the table has columns, without blanks around them."""


@dataclass(frozen=True)
class Table:
    heading: tuple[str, ...]
    lines: Sequence[Line]
    """Those that say something."""


def read(content: bytes) -> Table:
    """:raises FileRejected"""
    text = _text(content)
    delimiter = _delimiter(text)
    lines = list(_lines(text, delimiter))
    if len(lines) < 2:
        raise FileRejected("The file holds no table: a line with the names of its columns and lines below it.")
    heading, rest = lines[0].cells, lines[1:]
    if len(heading) < 2:
        raise FileRejected("The file has one column only. Columns are separated by commas, semicolons or tabs.")
    return Table(heading, rest)


def _text(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise FileRejected(f"The file is larger than {MOST_BYTES // 1024 // 1024} MB.")
    if not content.strip():
        raise FileRejected("The file is empty.")
    for beginning, what in _OTHER_FILES:
        if content.startswith(beginning):
            raise FileRejected(f"This is {what}. Save or export it as CSV (comma-separated values) first.")
    text = _decoded(content)
    if found := _NO_TEXT.search(text):
        number = text.count("\n", 0, found.start()) + 1
        raise FileRejected(f"Line {number} holds a sign that no text has. Export the file as CSV in UTF-8 again.")
    return text


def _decoded(content: bytes) -> str:
    encoding = next((name for bom, name in _BOMS if content.startswith(bom)), "")
    for name in (encoding,) if encoding else ("utf-8", "windows-1252"):
        try:
            return content.decode(name)
        except UnicodeDecodeError:
            pass
    raise FileRejected("The file is in an encoding that is not known here. Export it as CSV in UTF-8.")


def _delimiter(text: str) -> str:
    """The one that makes the most columns of the first lines, where they have equally many of them and all a name."""

    def columns(delimiter: str) -> tuple[bool, bool, int]:
        first, is_even = [], True
        try:
            for cells in islice(
                csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), _LOOKED_AT
            ):
                if cells:
                    first.append(cells)
        except csv.Error:
            is_even = False  # said where the whole file is read
        heading = first[0] if first else []
        is_even = is_even and len(heading) > 1 and all(len(cells) == len(heading) for cells in first)
        return is_even, all(heading), len(heading)

    return max(_DELIMITERS, key=columns)


def _lines(text: str, delimiter: str) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    width, cells_read, lines_read = 0, 0, 0
    try:
        for row in reader:
            cells = tuple(cell.strip() for cell in row)
            if not any(cells):
                continue
            width = width or len(_without_empty_end(cells))
            lines_read, cells_read = lines_read + 1, cells_read + width
            if lines_read > MOST_LINES or width > MOST_COLUMNS or cells_read > MOST_CELLS:
                raise FileRejected(
                    f"The table is too large: it may have {MOST_LINES:,} lines, {MOST_COLUMNS:,} columns and "
                    f"{MOST_CELLS:,} cells."
                )
            yield Line(reader.line_num, _fitted(cells, width, reader.line_num))
    except csv.Error:
        raise FileRejected(
            f"Line {reader.line_num} cannot be read: a quotation mark is not closed or stands in the middle of a cell, "
            "or a cell is too long."
        ) from None
    if width > 1 and len(row) < width and not text.endswith(("\n", "\r")) and any(cells):
        raise FileRejected("The file ends in the middle of a line: it did not come whole. Export it again.")


def _fitted(cells: tuple[str, ...], width: int, number: int) -> tuple[str, ...]:
    """Spreadsheets leave out empty cells at the end of a line, or write some more."""
    if len(cells) != width:
        cells = _without_empty_end(cells)
        if len(cells) > width:
            raise FileRejected(f"Line {number} has {len(cells)} cells, but the table has {width} columns.")
        cells += ("",) * (width - len(cells))
    if any(len(cell) > LONGEST_CELL for cell in cells):
        raise FileRejected(f"Line {number} has a cell of more than {LONGEST_CELL:,} letters.")
    return cells


def _without_empty_end(cells: tuple[str, ...]) -> tuple[str, ...]:
    end = len(cells)
    while end and not cells[end - 1]:
        end -= 1
    return cells[:end]
