"""The next page in the Link headers that platforms really send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_cert.lti.link_header import next_address

HERE = "https://lms.example/api/items?limit=2"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('<https://lms.example/p2>; rel="next"', "https://lms.example/p2"),
        ("<https://lms.example/p2>; rel=next", "https://lms.example/p2"),
        ("<https://lms.example/p2>;rel='next'", "https://lms.example/p2"),
        ("<https://lms.example/p2>; REL=Next", "https://lms.example/p2"),
        ('<https://lms.example/p2>; rel="last next"', "https://lms.example/p2"),
        ('<https://lms.example/p2>; title="a, b; <c>"; rel="next"', "https://lms.example/p2"),
        ('<https://lms.example/1>; rel="current", <https://lms.example/2>; rel="next"', "https://lms.example/2"),
        (
            '<https://lms.example/?a=1,2;3>; rel="next",<https://lms.example/9>; rel="last"',
            "https://lms.example/?a=1,2;3",
        ),
        ("<https://lms.example/p2>; rel=“next”", "https://lms.example/p2"),
        ("<https://lms.example/p2>; rel=â\x80\x9cnextâ\x80\x9d", "https://lms.example/p2"),
        ("<https://lms.example/?a=1&amp;from=1>; rel=â\x80\x9cnextâ\x80\x9d", "https://lms.example/?a=1&from=1"),
        ('<?limit=2&page=2>; rel="next"', "https://lms.example/api/items?limit=2&page=2"),
        ('</other/items?page=2>; rel="next"', "https://lms.example/other/items?page=2"),
        ('<http://lms.example/p2?to=http://a.example>; rel="next"', "https://lms.example/p2?to=http://a.example"),
        ('<http://other.example/p2>; rel="next"', "http://other.example/p2"),
        ('<http://lms.example:8080/p2>; rel="next"', "http://lms.example:8080/p2"),
    ],
)
def test_the_next_page_is_found(header: str, expected: str) -> None:
    assert next_address(header, HERE) == expected


@pytest.mark.parametrize(
    "header",
    [
        "",
        '<https://lms.example/p1>; rel="prev"',
        '<https://lms.example/p1>; rel="nextish"',
        '<https://lms.example/p1>; rel="https://rels.example/next"',
        '<https://lms.example/p1>; title="the last; rel=next"',
        '<https://lms.example/p1>; xrel="next"',
        "<https://lms.example/p1>",
        'rel="next"',
        "<<<;;;rel=“",
    ],
)
def test_without_a_next_page_there_is_none(header: str) -> None:
    assert next_address(header, HERE) == ""


def test_an_opaque_bookmark_keeps_its_case_and_what_only_looks_like_html() -> None:
    address = "https://lms.example/?page=bookmark:WyJBYkMi%2fQ==&copy=1&lt=2"
    assert next_address(f'<{address}>; rel="next"', HERE) == address


def test_moodles_own_header_is_understood() -> None:
    parts = [("from=0", "first"), ("from=0", "canonical"), ("from=1", "next"), ("from=2", "last")]
    header = ", ".join(
        f"<http://moodle.example/lineitems?type_id=1&amp;limit=1&amp;{query}>; rel=“{relation}”"
        for query, relation in parts
    )
    as_http_reads_it = header.encode().decode("latin-1")
    assert next_address(as_http_reads_it, HERE) == "http://moodle.example/lineitems?type_id=1&limit=1&from=1"


@given(st.text(alphabet='<>;,="“”/:?&[]% abnextrel\x80â', max_size=80))
def test_no_header_is_too_broken_to_read(header: str) -> None:
    assert isinstance(next_address(header, HERE), str)
