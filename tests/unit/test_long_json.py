"""Long JSON means what Python's own reader says, whether it is sound or broken, and takes the memory of one element."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_cert.core import long_json
from lti_cert.core.long_json import Elements

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters())
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
objects = st.dictionaries(st.text() | st.just("usergrades"), st.lists(values) | values)
pieces = st.integers(1, 40)


def read(body: bytes, piece: int) -> str:
    """Everything in it, lists gone through twice, or that it is refused; as text, in which -0.0 is not 0, nor 1 1.0."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_json, "_PIECE", piece)
        try:
            found = long_json.loads(body)
        except ValueError:
            return "refused"
        assert plain(found) == plain(found)
        return repr(plain(found))


def plain(found: Any) -> Any:
    if not isinstance(found, dict):
        return found
    return {key: list(value) if isinstance(value, Elements) else value for key, value in found.items()}


def read_by_python(body: bytes) -> str:
    try:
        return repr(json.loads(body, parse_constant=long_json.refuse_constant))
    except ValueError:
        return "refused"


@given(value=objects | values, piece=pieces, indent=st.sampled_from([None, 1]), is_ascii=st.booleans())
def test_what_is_sound_is_read_as_python_reads_it(value: Any, piece: int, indent: int | None, is_ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii).replace("Infinity", "1e999")
    body = text.encode("utf-8", "surrogatepass")
    assert read(body, piece) == read_by_python(body)
    assert read(body, piece) != "refused"


@given(value=objects, piece=pieces, data=st.data())
def test_what_is_cut_off_or_broken_is_refused_where_python_refuses_it(
    value: Any, piece: int, data: st.DataObject
) -> None:
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    place = data.draw(st.integers(0, len(body)))
    put = data.draw(st.sampled_from([b"", *(bytes([byte]) for byte in b'{}[],:"\\ 19.eE-N\x80\xff\x00')]))
    rest = data.draw(st.sampled_from([b"", body[place:], body[place + 1 :]]))
    broken = body[:place] + put + rest
    assert read(broken, piece) == read_by_python(broken)


@pytest.mark.parametrize("piece", [1, 2, 7, 10_000])
@pytest.mark.parametrize(
    "body",
    [
        b'{"a": [17.4, 20, -0, -0.0, 1e400, 12345678901234567890123, 1E5, 0.1]}',
        b'{"a": [1], "b": {"a": []}, "a": [2, 3], "b": 4}',
        b'{"a": [NaN]}',
        b'{"a": -Infinity}',
        b'{"a": [1,]}',
        b'{"a": [1], }',
        b'{"a": [1 2]}',
        b'{"a": [1]} {}',
        b'{"a" [1]}',
        b"{1: 2}",
        b'{"a": [' + b"9" * 5000 + b"]}",
        b'{"a": [' + b"9" * 5000 + b".5]}",
        b'\xef\xbb\xbf{"a": [1]}',
        '{"a": ["é"]}'.encode("utf-16"),
        b"<html>",
        b"1e",
        b"",
        b" ",
    ],
)
def test_what_is_odd_is_taken_as_python_takes_it(body: bytes, piece: int) -> None:
    assert read(body, piece) == read_by_python(body)


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


def test_an_element_that_is_longer_than_a_piece_is_read_in_time_that_grows_with_it() -> None:
    body = json.dumps({"rows": [["x" * 100] * 20_000, 1]}).encode()
    tries = 0

    class Counting(json.JSONDecoder):
        def raw_decode(self, text: str, start: int = 0) -> Any:
            nonlocal tries
            tries += 1
            return super().raw_decode(text, start)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_json, "_PIECE", 100)
        patch.setattr(long_json, "_DECODER", Counting())
        assert len(plain(long_json.loads(body))["rows"][0]) == 20_000
    assert tries < 50
