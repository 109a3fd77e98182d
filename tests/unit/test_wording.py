"""Numbers as they are shown."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_cert.panel import wording
from lti_cert.panel.charts import Bin, Distribution
from lti_cert.panel.instructor_pages import FunnelStep, Movement

MILLION = wording.MILLIONTHS


@pytest.mark.parametrize(
    ("points", "shown"),
    [
        (Fraction(70), "70 %"),
        (Fraction(69996, 1000), "69.9 %"),
        (Fraction(642, 10), "64.2 %"),
        (Fraction(0), "0 %"),
        (Fraction(1, 100), "0 %"),
        (Fraction(104), "104 %"),
        (Fraction(200, 3), "66.6 %"),
        (Fraction(-5, 2), "-2.5 %"),
    ],
)
def test_a_percentage_is_cut_off_after_one_decimal(points: Fraction, shown: str) -> None:
    assert wording.percent_reached(points * MILLION).replace(wording.NBSP, " ") == shown


BARS = st.integers(0, 100 * MILLION) | st.sampled_from([66_670_000, 66_600_000, 89_990_000, 33_333_333, 70 * MILLION])


@given(BARS, BARS, st.fractions(-2, 2) | st.fractions(0, 200 * MILLION))
def test_what_is_reached_reads_below_a_bar_exactly_where_it_is(bar: int, other: int, off: Fraction) -> None:
    reached = max(bar + off, Fraction(0))
    said = [wording.percent_reached(reached, bar, other), wording.percent(bar), wording.percent(other)]
    shown, *bars = (Fraction(text.removesuffix(f"{wording.NBSP}%")) for text in said)
    assert [shown_bar * MILLION for shown_bar in bars] == [bar, other]
    assert shown * MILLION <= reached
    assert [shown >= shown_bar for shown_bar in bars] == [reached >= bar, reached >= other]


@pytest.mark.parametrize(
    ("bar", "shown"),
    [(66_670_000, "66.67 %"), (60 * MILLION, "60 %"), (0, "0 %"), (33_333_333, "33.333333 %"), (90_050_000, "90.05 %")],
)
def test_a_bar_is_said_as_the_rule_has_it(bar: int, shown: str) -> None:
    assert wording.percent(bar).replace(wording.NBSP, " ") == shown


def test_a_score_without_a_maximum_has_no_percentage() -> None:
    assert wording.percent_of(5 * MILLION, 0) == "–"
    assert wording.percent_of(17_400_000, 20 * MILLION) == f"87{wording.NBSP}%"
    assert wording.percent_of(29 * MILLION, 100 * MILLION) == f"29{wording.NBSP}%"


@pytest.mark.parametrize(
    ("millionths", "shown"), [(17_400_000, "17.4"), (20_000_000, "20"), (1_999_999, "1.99"), (50_000, "0.05"), (0, "0")]
)
def test_points_are_cut_off_after_two_decimals(millionths: int, shown: str) -> None:
    assert wording.points(millionths) == shown


def test_a_count_agrees_with_its_noun() -> None:
    assert wording.counted(1, "certificate", "certificates") == "1 certificate"
    assert wording.counted(2304, "result", "results") == "2,304 results"


def test_a_funnel_step_of_nobody_is_empty() -> None:
    assert FunnelStep("Earned", 0, 0).hundredths == 0
    assert Movement(7, ("Ada", "Grace")).unnamed == 5


def test_a_column_is_counted_as_the_level_that_all_of_it_reaches() -> None:
    bins = (Bin(60, 65, 2), Bin(65, 70, 3), Bin(70, 75, 4), Bin(85, 90, 1))
    levels = [column.level for column in Distribution("", bins, 70, 85).columns]
    assert levels == ["none", "none", "completion", "distinction"]
    assert [column.level for column in Distribution("", bins, 72).columns] == ["none", "none", "none", "completion"]


def test_a_chart_stays_inside_its_frame_whatever_is_in_it() -> None:
    chart = Distribution("", (Bin(0, 5, 0), Bin(95, 140, 1_000)), 70)
    for column in chart.columns:
        assert 0 <= column.y <= column.y + column.height <= 190
        assert 0 <= column.x <= column.x + column.width <= 360
    assert Distribution("", (), 70).total == 0
