"""Rules as people write them: what is refused, where, and that nothing is lost on the way there and back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_cert.achievements import rules
from lti_cert.achievements.criteria import Criterion, Item, Kind
from lti_cert.achievements.rules import Rule, RuleRejected

ITEMS = [Item(1, "Quiz", 10), Item(2, "Essay", 10)]
REFS = {1: "quiz", 2: "essay"}
NAMES = rules.names_of(ITEMS, REFS)


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


@pytest.mark.parametrize("approval", ["true", "yes", 1, 0, None, []])
def test_approval_is_true_or_false_and_nothing_that_could_be_taken_for_it(approval: object) -> None:
    assert places({"approval": approval, "criteria": [{"kind": "attestation"}]}) == [("approval", None)]


def test_what_is_misspelt_is_named_with_what_there_is() -> None:
    document = {
        "aproval": True,
        "award-from": "2027-01-01",
        "criteria": [{"kind": "each_assessment", "completion": 60, "item": ["Quiz"]}],
    }
    assert places(document) == [("aproval", None), ("award-from", None), ("item", 1)]
    with pytest.raises(
        RuleRejected, match="“item” is not known here; there are kind, completion, distinction, n, item"
    ):
        rules.from_document(document, NAMES)


@pytest.mark.parametrize("kind", [[], {}, None, 1])
def test_a_kind_that_is_no_word_is_refused(kind: object) -> None:
    assert places({"criteria": [{"kind": kind}]}) == [("kind", 1)]


def chosen(items: list[Item], refs: dict[int, str], *names: object) -> Any:
    written = {"criteria": [{"kind": "each_assessment", "completion": 60, "items": list(names)}]}
    return rules.from_document(written, rules.names_of(items, refs)).criteria[0].items


def test_an_item_is_meant_by_its_reference_first_then_by_its_label_and_never_by_our_id() -> None:
    items = [Item(1, "Quiz", 10), Item(2, "Essay", 10), Item(3, "1", 10), Item(4, "77", 10)]
    refs = {1: "2", 2: "1", 3: "8", 4: "9"}
    assert chosen(items, refs, "2", "Essay", 8) == (1, 2, 3)
    assert chosen(items, refs, "1", "77") == (2, 4)
    with pytest.raises(RuleRejected, match="no assessment “3”; the course has no assessment “4”"):
        chosen(items, refs, "3", "4")


def test_a_label_that_several_have_is_refused_with_the_references_to_choose_from() -> None:
    items = [Item(1, "Quiz", 10), Item(2, "Quiz", 10), Item(3, "Quiz", 10, is_removed=True)]
    refs = {1: "a", 2: "b", 3: "c"}
    with pytest.raises(
        RuleRejected, match="several assessments are called “Quiz”: give the reference of one, “a”, “b”"
    ):
        chosen(items, refs, "Quiz")
    weighted = {"criteria": [{"kind": "average", "completion": 60, "weights": {"Quiz": 2, "a": 1, "d": 1, "b": -1}}]}
    with pytest.raises(RuleRejected) as rejected:
        rules.from_document(weighted, rules.names_of(items, refs))
    assert [problem.field for problem in rejected.value.found] == ["weights"] * 3


def test_a_label_means_the_item_that_is_in_the_course_though_one_that_has_gone_had_it_too() -> None:
    gone, here = Item(1, "Quiz", 10, is_removed=True), Item(2, "Quiz", 10)
    assert chosen([gone, here], {1: "a", 2: "b"}, "Quiz") == (2,)
    assert chosen([gone], {1: "a"}, "Quiz") == (1,)


NUMBERS = st.integers(1, 6)
BARS = st.integers(0, 100_000_000)


@given(st.data(), st.permutations(range(1, 7)), st.lists(NUMBERS, min_size=6, max_size=6))
def test_a_rule_that_is_shown_can_be_set_again_whatever_the_items_are_called(
    data: st.DataObject, refs: list[int], labels: list[int]
) -> None:
    """Ids, references and labels are the same few numbers, so that they collide."""
    items = [Item(n, f"{labels[n - 1]}", 10, is_removed=data.draw(st.booleans())) for n in range(1, 7)]
    named = {n: f"{refs[n - 1]}" for n in range(1, 7)}
    picked = st.lists(NUMBERS, min_size=1, unique=True).map(tuple)
    weights = st.none() | st.dictionaries(NUMBERS, st.integers(0, 10**14), min_size=1)
    criteria = data.draw(
        st.lists(
            st.builds(Criterion, st.just(Kind.AVERAGE), BARS, items=st.just("all") | picked, weights=weights)
            | st.builds(Criterion, st.just(Kind.N_OF), BARS, n=NUMBERS, items=picked),
            min_size=1,
            max_size=3,
        )
    )
    rule = Rule("Certificate", tuple(criteria), data.draw(st.booleans()))
    shown = json.loads(json.dumps(rules.to_document(rule, named)))
    assert rules.from_document(shown, rules.names_of(items, named)) == rule


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
