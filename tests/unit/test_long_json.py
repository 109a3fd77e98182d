"""Long JSON means what Python's own reader says, whether it is sound or broken, and takes the memory of one element."""

import json
import tracemalloc
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_cert.core import long_json
from lti_cert.core.long_json import Elements

whole = st.integers(1 - 2**63, 2**63 - 1)
scalars = st.none() | st.booleans() | whole | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
names = st.text("abc", min_size=1) | st.sampled_from(["usergrades", "exception"])
objects = st.dictionaries(names, st.lists(values) | values)


def read(body: bytes) -> str:
    """What is read, lists gone through twice, or that it is refused; as text, in which 1 is not 1.0."""
    try:
        found = long_json.loads(body)
    except ValueError:
        return "refused"
    assert plain(found) == plain(found)
    return repr(plain(found))


def plain(found: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, Elements) else value for key, value in found.items()}


def read_by_python(body: bytes) -> str:
    """The same by Python's reader, which takes numbers beyond JSON's unless told not to."""

    def refuse(name: str) -> NoReturn:
        raise ValueError(name)

    try:
        found = json.loads(body, parse_constant=refuse)
    except ValueError:
        return "refused"
    if not isinstance(found, dict):
        return "refused"
    return repr({key: value for key, value in found.items() if not isinstance(value, dict)})


@given(value=objects | st.lists(values) | scalars, indent=st.sampled_from([None, 1]), is_ascii=st.booleans())
def test_what_is_sound_is_read_as_python_reads_it(value: Any, indent: int | None, is_ascii: bool) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=is_ascii).encode()
    assert read(body) == read_by_python(body)


@given(value=objects, data=st.data())
def test_what_is_cut_off_is_refused(value: Any, data: st.DataObject) -> None:
    body = json.dumps(value).encode()
    assert read(body[: data.draw(st.integers(0, len(body) - 1))]) == "refused"


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": [17.4, 20, -0, 1E5, 0.1, 1.0]}',
        b'{"a": [NaN]}',
        b'{"a": -Infinity}',
        b'{"a": [1,]}',
        b'{"a": [1], }',
        b'{"a": [1 2]}',
        b'{"a": [01]}',
        b'{"a": [1]} {}',
        b'{"a" [1]}',
        b"{1: 2}",
        b'{"a": ["\xff"]}',
        b'\xef\xbb\xbf{"a": [1]}',
        b"[1]",
        b"<html>",
        b"1e",
        b"",
        b" ",
    ],
)
def test_what_is_odd_is_taken_as_python_takes_it(body: bytes) -> None:
    assert read(body) == read_by_python(body)


def test_numbers_that_are_larger_than_any_score_are_refused() -> None:
    assert read(b'{"a": [12345678901234567890123]}') == read(b'{"a": [1e400]}') == "refused"


def test_a_long_list_takes_the_memory_of_a_part_of_it() -> None:
    row = {f"column {number}": number / 7 for number in range(30)}
    body = json.dumps({"rows": [row] * 5000}).encode()
    tracemalloc.start()
    try:
        found = long_json.loads(body)
        count = sum(1 for _ in found["rows"])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 5000
    assert most < len(body) / 2
