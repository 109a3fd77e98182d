"""The rules of earning, to the letter."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_cert.achievements import criteria as c
from lti_cert.achievements.criteria import Criterion, Item, Kind, Level
from lti_cert.sources.snapshot import millionths

POINT = 1_000_000


def item(number: int = 1, points: float = 100, **more: object) -> Item:
    return Item(number, f"Item {number}", millionths(points), **more)  # type: ignore[arg-type]


def bar(percentage: float) -> int:
    return millionths(percentage)


def level(criteria: list[Criterion], items: list[Item], results: dict[int, int | None], **more: bool) -> Level | None:
    return c.evaluate(criteria, [c.tally(one, items, results, **more) for one in criteria]).level


EACH = Criterion(Kind.EACH_ASSESSMENT, bar(60), bar(85))


@pytest.mark.parametrize(
    ("points", "maximum", "percentage", "reached"),
    [
        (17.4, 20, 87, True),
        (29, 100, 29, True),
        (57, 100, 57, True),
        (58, 100, 58, True),
        (69.996, 100, 70, False),
        (6.999999, 10, 70, False),
        (7, 10, 70, True),
        (33.33, 50, 66.66, True),
        (1, 3, 33.333333, True),
        (150, 100, 100, True),
        (0, 100, 0, True),
    ],
)
def test_a_score_reaches_a_bar_exactly_or_not_at_all(
    points: float, maximum: float, percentage: float, reached: bool
) -> None:
    needed = c.points_needed(item(points=maximum), bar(percentage))
    assert needed is not None
    assert (millionths(points) >= needed) is reached


@given(
    score=st.integers(0, 10**12),
    maximum=st.integers(1, 10**12),
    percentage=st.integers(0, c.HUNDRED_PERCENT),
)
def test_the_points_needed_agree_with_exact_fractions(score: int, maximum: int, percentage: int) -> None:
    needed = c.points_needed(Item(1, "", maximum), percentage)
    assert needed is not None
    assert (score >= needed) == (Fraction(score, maximum) >= Fraction(percentage, c.HUNDRED_PERCENT))


def test_every_required_item_counts_on_its_own_not_the_average() -> None:
    items = [item(1), item(2)]
    assert level([EACH], items, {1: 100 * POINT, 2: 59 * POINT}) is None
    assert level([EACH], items, {1: 60 * POINT, 2: 60 * POINT}) is Level.COMPLETION
    assert level([EACH], items, {1: 85 * POINT, 2: 85 * POINT}) is Level.DISTINCTION
    assert level([EACH], items, {1: 100 * POINT, 2: 84 * POINT}) is Level.COMPLETION


def test_a_missing_score_is_not_met_even_at_a_bar_of_zero() -> None:
    assert level([Criterion(Kind.EACH_ASSESSMENT, 0)], [item(1)], {}) is None
    assert level([Criterion(Kind.EACH_ASSESSMENT, 0)], [item(1)], {1: 0}) is Level.COMPLETION


def test_an_excused_item_is_not_required_of_that_learner() -> None:
    items = [item(1), item(2)]
    assert level([EACH], items, {1: 90 * POINT, 2: None}) is Level.DISTINCTION


def test_nothing_left_to_require_is_not_met() -> None:
    assert level([EACH], [], {}) is None
    assert level([EACH], [item(1)], {1: None}) is None
    assert level([], [item(1)], {1: 100 * POINT}) is None


def test_an_item_without_points_is_never_reached_when_it_is_chosen() -> None:
    chosen = Criterion(Kind.EACH_ASSESSMENT, bar(0), items=(1,))
    assert level([chosen], [item(1, points=0)], {1: 5 * POINT}) is None


def test_all_leaves_out_what_does_not_count_and_is_live() -> None:
    items = [item(1), item(2, exclusion="total"), item(3, points=0), item(4, is_removed=True)]
    assert [one.id for one in c.required(EACH, items)] == [1]
    assert [one.id for one in c.required(EACH, [*items, item(5)])] == [1, 5]


def test_a_chosen_item_that_disappeared_stays_required_and_is_told() -> None:
    chosen = Criterion(Kind.EACH_ASSESSMENT, bar(60), items=(1, 2))
    items = [item(1), item(2, is_removed=True)]
    assert level([chosen], items, {1: 90 * POINT}) is None
    assert any("no longer in the course" in problem for problem in c.obstacles([chosen], items))


def test_distinction_needs_a_bar_of_its_own_somewhere() -> None:
    only_completion = Criterion(Kind.EACH_ASSESSMENT, bar(60))
    assert level([only_completion], [item(1)], {1: 100 * POINT}) is Level.COMPLETION
    with_attestation = [EACH, Criterion(Kind.ATTESTATION)]
    assert level(with_attestation, [item(1)], {1: 100 * POINT}, attested=True) is Level.DISTINCTION
    assert level(with_attestation, [item(1)], {1: 100 * POINT}) is None


def test_the_average_counts_a_missing_score_as_zero_and_leaves_an_excused_one_out() -> None:
    average = Criterion(Kind.AVERAGE, bar(50))
    items = [item(1), item(2, points=20)]
    assert level([average], items, {1: 100 * POINT}) is Level.COMPLETION
    assert level([average], items, {1: 99 * POINT}) is None
    assert level([average], items, {1: 50 * POINT, 2: None}) is Level.COMPLETION
    assert level([average], items, {1: None, 2: None}) is None


def test_the_average_takes_weights() -> None:
    items = [item(1), item(2)]
    weighted = Criterion(Kind.AVERAGE, bar(75), weights={1: millionths(3)})
    assert level([weighted], items, {1: 100 * POINT}) is Level.COMPLETION
    assert level([Criterion(Kind.AVERAGE, bar(75))], items, {1: 100 * POINT}) is None


def test_n_is_never_lowered_by_excuses() -> None:
    two_of = Criterion(Kind.N_OF, bar(60), n=2)
    items = [item(1), item(2), item(3)]
    assert level([two_of], items, {1: 60 * POINT, 2: None, 3: None}) is None
    assert level([two_of], items, {1: 60 * POINT, 3: 60 * POINT}) is Level.COMPLETION
    assert c.obstacles([Criterion(Kind.N_OF, bar(60), n=4)], items) == [
        "4 assessments are asked for, but only 3 count."
    ]


@pytest.mark.parametrize(
    ("score", "maximum", "shown"),
    [
        (69.996, 100, "69.9 %"),
        (70, 100, "70 %"),
        (17.4, 20, "87 %"),
        (2, 3, "66.6 %"),
        (5, 0, "–"),
        (0, 9, "0 %"),
        (-0.5, 100, "-0.5 %"),
        (-0.01, 100, "-0.1 %"),
    ],
)
def test_a_percentage_is_truncated_never_rounded_up_to_a_bar(score: float, maximum: float, shown: str) -> None:
    assert c.score_percent(millionths(score), millionths(maximum)) == shown


def test_an_achievement_that_nobody_can_meet_says_so() -> None:
    assert c.obstacles([], []) == ["There is no rule yet, so nobody can earn this."]
    assert c.obstacles([EACH], []) == ["No assessment of the course counts, so nobody can reach this."]
    assert c.obstacles([EACH], [item(1)]) == []


def test_an_average_that_nobody_can_reach_says_so() -> None:
    items = [item(1), item(2), item(3, points=0)]
    nothing = Criterion(Kind.AVERAGE, bar(60), weights={1: 0, 2: 0})
    assert c.obstacles([nothing], items) == ["Every assessment of the average weighs 0, so nobody can reach it."]
    pointless = Criterion(Kind.AVERAGE, bar(60), items=(3,))
    assert c.obstacles([pointless], items) == [
        "Assessments without points count as 0 in the average, so nobody can reach more than 0 %."
    ]
    half = Criterion(Kind.AVERAGE, bar(60), items=(1, 3))
    assert c.obstacles([half], items) == [
        "Assessments without points count as 0 in the average, so nobody can reach more than 50 %."
    ]
    assert c.obstacles([Criterion(Kind.AVERAGE, bar(50), items=(1, 3))], items) == []
    assert c.obstacles([Criterion(Kind.AVERAGE, 0, items=(3,))], items) == []
    assert c.obstacles([Criterion(Kind.AVERAGE, bar(60), weights={1: 0})], items) == []


def test_the_rule_reads_as_a_sentence() -> None:
    rule = [EACH, Criterion(Kind.ATTESTATION)]
    assert c.sentence(rule, [item(1), item(2)]) == (
        "each of the 2 assessments at 60 % (85 % for distinction) or more and confirmation by an instructor."
    )
    assert c.sentence([Criterion(Kind.ATTESTATION, label="Safety briefing")], []) == (
        "confirmation by an instructor of “Safety briefing”."
    )


POSTS = Criterion(Kind.DISCUSSION_POSTS, n=3, distinction=5)


@pytest.mark.parametrize(
    ("posts", "reached", "words"),
    [
        (0, None, "0 of 3 discussion posts"),
        (2, None, "2 of 3 discussion posts"),
        (3, Level.COMPLETION, "3 of 3 discussion posts"),
        (4, Level.COMPLETION, "4 discussion posts, 3 needed"),
        (5, Level.DISTINCTION, "5 discussion posts, 3 needed"),
    ],
)
def test_posts_are_counted_up_to_either_bar(posts: int, reached: Level | None, words: str) -> None:
    outcome = c.evaluate([POSTS], [c.tally(POSTS, [], {}, counts={"discussion_posts": posts, "class_notes": 9})])
    assert (outcome.level, outcome.findings[0].detail) == (reached, words)


def test_without_a_higher_number_of_notes_the_one_for_completion_is_enough_for_distinction() -> None:
    rule = [EACH, Criterion(Kind.CLASS_NOTES, n=1)]
    tallies = [c.tally(one, [item()], {1: 90 * POINT}, counts={"class_notes": 1}) for one in rule]
    assert c.evaluate(rule, tallies).level is Level.DISTINCTION


def test_what_nobody_counts_in_a_course_is_said_to_be_out_of_reach() -> None:
    notes = Criterion(Kind.CLASS_NOTES, n=1)
    (told,) = c.obstacles([POSTS, notes], [], {"discussion_posts"})
    assert "does not tell this tool about shared notes, so nobody can reach this" in told
    assert c.obstacles([POSTS, notes], [], {"discussion_posts", "class_notes"}) == []
    assert c.sentence([POSTS, notes], []) == (
        "at least 3 discussion posts (5 for distinction) and at least 1 shared note."
    )


@pytest.mark.parametrize("value", ["NaN", "Infinity", "x", None, True, 10**30, [1], "1e400"])
def test_what_is_no_number_of_points_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"number|large"):
        millionths(value)


@given(st.decimals(0, 1000, places=6, allow_nan=False))
def test_points_with_six_decimals_are_kept_exactly(points: object) -> None:
    assert Fraction(millionths(points), POINT) == Fraction(str(points))
