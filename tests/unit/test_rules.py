"""Rules as people write them: what is refused, where, and that nothing is lost on the way there and back."""

from typing import Any

import pytest

from lti_cert.achievements import rules
from lti_cert.achievements.rules import RuleRejected

NAMES = {"quiz": 1, "essay": 2}
REFS = {1: "quiz", 2: "essay"}


def places(document: object) -> list[tuple[str, int | None]]:
    with pytest.raises(RuleRejected) as rejected:
        rules.from_document(document, NAMES)
    assert len(rejected.value.problems) == len(rejected.value.found)
    return [(problem.field, problem.number) for problem in rejected.value.found]


def test_every_problem_is_named_at_once_with_its_place() -> None:
    document = {
        "title": "x" * 201,
        "award_from": "soon",
        "criteria": [
            {"kind": "each_assessment", "completion": 101, "items": []},
            {"kind": "n_of", "completion": 60, "distinction": 50, "n": 0, "items": ["lab"]},
            {"kind": "attestation", "label": 7},
            {"kind": "luck"},
        ],
    }
    assert places(document) == [
        ("title", None),
        ("completion", 1),
        ("items", 1),
        ("distinction", 2),
        ("n", 2),
        ("items", 2),
        ("label", 3),
        ("kind", 4),
        ("award_from", None),
    ]


@pytest.mark.parametrize("title", ["a\x00b", "\ud800", "   ", 7])
def test_a_title_that_cannot_be_kept_is_refused(title: object) -> None:
    assert places({"title": title, "criteria": [{"kind": "attestation"}]}) == [("title", None)]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-01:00", "2026-13-01", [1]])
def test_a_moment_that_cannot_be_kept_is_refused(moment: object) -> None:
    assert places({"award_from": moment, "criteria": [{"kind": "attestation"}]}) == [("award_from", None)]


def test_numbers_of_posts_and_notes_are_whole_and_rise_towards_distinction() -> None:
    wrong = [
        {"kind": "discussion_posts"},
        {"kind": "discussion_posts", "n": 0},
        {"kind": "class_notes", "n": 2.5},
        {"kind": "class_notes", "n": 3, "distinction": 2},
        {"kind": "class_notes", "n": 3, "distinction": "many"},
        {"kind": "class_notes", "n": 10_001},
    ]
    assert places({"criteria": wrong}) == [
        ("n", 1),
        ("n", 2),
        ("n", 3),
        ("distinction", 4),
        ("distinction", 5),
        ("n", 6),
    ]


def test_a_rule_is_the_same_after_being_kept_and_written_again() -> None:
    document: dict[str, Any] = {
        "title": "Certificate",
        "approval": False,
        "award_from": "2026-12-01T09:00:00+01:00",
        "criteria": [
            {
                "kind": "average",
                "completion": 66.67,
                "distinction": 85,
                "n": None,
                "items": ["quiz", "essay"],
                "weights": {"quiz": 2.5},
            },
            {
                "kind": "discussion_posts",
                "completion": None,
                "distinction": 5,
                "n": 3,
                "items": "all",
                "weights": None,
            },
            {
                "kind": "attestation",
                "completion": None,
                "distinction": None,
                "n": None,
                "items": "all",
                "weights": None,
                "label": "Safety briefing",
            },
        ],
    }
    rule = rules.from_document(document, NAMES)
    assert rules.from_stored(rules.to_stored(rule)) == rule
    assert rules.to_document(rule, REFS) == document
