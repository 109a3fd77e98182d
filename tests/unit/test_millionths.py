"""Points become integers once, exactly."""

from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from lti_cert.sources.ags import rescaled
from lti_cert.sources.snapshot import LARGEST, MILLIONTHS, millionths

POINTS = st.floats(min_value=0, max_value=1e6, allow_nan=False) | st.integers(min_value=0, max_value=10**6)
MAXIMA = st.integers(min_value=1, max_value=1000) | st.sampled_from([0.5, 7.5, 33.3, 12.34, 0.001])


@given(POINTS)
@example(17.4)
@example(0.1 + 0.2)
@example(69.9999995)
def test_points_are_rounded_to_the_nearest_millionth_of_what_was_written(points: float) -> None:
    assert abs(Fraction(str(points)) * MILLIONTHS - millionths(points)) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("written", "value"),
    [("69.99999949999999999999999999999999", 69_999_999), ("69.9999995" + "0" * 40, 70_000_000)],
)
def test_many_digits_are_rounded_once_too(written: str, value: int) -> None:
    assert millionths(written) == value


@given(st.integers(min_value=-LARGEST, max_value=LARGEST))
def test_a_fraction_that_is_a_whole_number_of_millionths_stays_what_it_is(value: int) -> None:
    assert millionths(Fraction(value, MILLIONTHS)) == value


@given(POINTS, MAXIMA, MAXIMA)
@example(17.4, 20, 100)
@example(29, 100, 100)
def test_a_result_out_of_another_maximum_is_rescaled_exactly(score: float, of: float, maximum: float) -> None:
    exact = Fraction(str(score)) / Fraction(str(of)) * Fraction(str(maximum)) * MILLIONTHS
    assume(exact <= LARGEST)
    assert abs(exact - rescaled(score, of, millionths(maximum))) <= Fraction(1, 2)


@given(MAXIMA, MAXIMA)
def test_full_points_stay_full_points(of: float, maximum: float) -> None:
    assert rescaled(of, of, millionths(maximum)) == millionths(maximum)


@given(MAXIMA, MAXIMA, st.integers(min_value=0, max_value=100))
def test_a_percentage_that_is_reached_stays_reached(of: float, maximum: float, percent: int) -> None:
    """A platform that rescales by itself must not cost a learner a hair's breadth."""
    score = Fraction(str(of)) * percent / 100
    if Fraction(str(float(score))) == score:
        reached = rescaled(float(score), of, millionths(maximum))
        assert abs(reached * 100 - percent * millionths(maximum)) <= 50


@pytest.mark.parametrize("value", ["1e999999999", "-1e999999999", 10**30, float("inf"), "1e400", 100_000_001])
def test_absurd_numbers_of_points_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"too large|not a number"):
        millionths(value)


def test_the_largest_numbers_of_points_of_ten_thousand_items_are_summed_within_a_column() -> None:
    assert millionths(100_000_000) * 10_000 < 2**63


def test_numbers_too_small_to_matter_are_nothing() -> None:
    assert millionths("1e-999999999") == millionths(5e-324) == 0
