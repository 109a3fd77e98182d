"""How far somebody is, in words and in numbers."""

from hypothesis import given
from hypothesis import strategies as st

from lti_cert.achievements.criteria import COUNTED, Criterion, Item, Kind, Level
from lti_cert.panel.pages import Ring
from lti_cert.panel.requirements import in_brief, progress_of, share
from lti_cert.sources.snapshot import millionths

ITEMS = [Item(number, f"Item {number}", millionths(10)) for number in range(3)]
bars = st.sampled_from([0, 60, 66.67, 100]).map(millionths)
criteria = st.lists(
    st.one_of(
        st.builds(Criterion, st.sampled_from([Kind.EACH_ASSESSMENT, Kind.AVERAGE]), bars),
        st.builds(Criterion, st.just(Kind.N_OF), bars, n=st.integers(1, 4)),
        st.builds(Criterion, st.sampled_from(sorted(COUNTED)), n=st.integers(1, 3)),
        st.builds(Criterion, st.just(Kind.ATTESTATION)),
    ),
    min_size=1,
    max_size=3,
)
scores = st.one_of(st.none(), st.sampled_from([0, 6, 6.667, 7, 10, 12]).map(millionths))
results = st.dictionaries(st.integers(0, 2), scores)
counts = st.dictionaries(st.sampled_from(sorted(COUNTED)), st.integers(0, 4))


@given(criteria, results, st.booleans(), counts)
def test_a_share_is_whole_and_a_ring_closed_exactly_when_everything_is_reached(
    rule: list[Criterion], of_member: dict[int, int | None], ticked: bool, counted: dict[str, int]
) -> None:
    progress = progress_of(rule, ITEMS, of_member, is_attested=ticked, counts=counted, countable=COUNTED)
    is_reached = progress.outcome.level is not None
    assert (share(progress.outcome) == 1) is is_reached
    assert 0 <= share(progress.outcome) <= 1
    if progress.ring:
        assert progress.ring.is_full is is_reached
        assert len(progress.ring.arcs) == len(rule)


@given(criteria, results, st.booleans(), counts)
def test_there_is_a_next_step_until_everything_is_reached(
    rule: list[Criterion], of_member: dict[int, int | None], ticked: bool, counted: dict[str, int]
) -> None:
    progress = progress_of(rule, ITEMS, of_member, is_attested=ticked, counts=counted, countable=COUNTED)
    if progress.outcome.level is Level.COMPLETION:
        assert progress.next_step == ""
    elif len(of_member) < len(ITEMS):
        assert progress.next_step


def test_a_cell_names_each_requirement() -> None:
    rule = [
        Criterion(Kind.EACH_ASSESSMENT, millionths(60)),
        Criterion(Kind.N_OF, millionths(60), n=1),
        Criterion(Kind.AVERAGE, millionths(70)),
        Criterion(Kind.ATTESTATION),
    ]
    progress = progress_of(rule, ITEMS, {0: millionths(10), 1: millionths(5)}, is_attested=True)
    assert in_brief(progress.outcome) == "1 of 3 · 1 of 1 · 50\u00a0% · confirmed"
    assert progress.next_step == "“Item 1” needs 60\u00a0%, you have 50\u00a0%."


def test_a_score_just_below_a_bar_reads_below_it_and_one_that_reaches_it_does_not() -> None:
    rule = [Criterion(kind, millionths(66.67)) for kind in (Kind.EACH_ASSESSMENT, Kind.AVERAGE)]
    below = progress_of(rule, ITEMS[:1], {0: millionths(6.666)}, is_attested=False)
    assert below.next_step == "“Item 0” needs 66.67\u00a0%, you have 66.66\u00a0%."
    assert below.headline == "0 of 1 assessments at 66.67\u00a0% or more · average 66.66\u00a0%, 66.67\u00a0% needed"
    reached = progress_of(rule, ITEMS[:1], {0: millionths(6.667)}, is_attested=False)
    assert reached.headline == "1 of 1 assessments at 66.67\u00a0% or more · average 66.67\u00a0%, 66.67\u00a0% needed"
    (row,) = reached.requirements[0].rows
    assert (row.status, row.score, row.needs) == ("reached", "66.67\u00a0%", "66.67\u00a0%")


def test_where_nothing_is_left_to_require_the_ring_stays_open() -> None:
    rule = [
        Criterion(Kind.EACH_ASSESSMENT, millionths(60), items=(0,)),
        Criterion(Kind.N_OF, millionths(60), n=2, items=(1, 2)),
    ]
    progress = progress_of(rule, ITEMS, {0: None, 1: millionths(9), 2: millionths(9)}, is_attested=False)
    assert progress.ring
    assert progress.ring.arcs == (0, 100)
    assert in_brief(progress.outcome) == "– · 2 of 2"


def test_an_arc_closes_only_when_its_requirement_is_reached() -> None:
    rule = [Criterion(Kind.AVERAGE, millionths(70)), Criterion(Kind.DISCUSSION_POSTS, n=3)]
    nearly = {0: millionths(9.999), 1: millionths(9.999), 2: millionths(1)}
    progress = progress_of(rule, ITEMS, nearly, is_attested=False, counts={"discussion_posts": 2})
    assert progress.ring == Ring((99, 66))


def test_only_one_requirement_has_its_steps_in_the_ring() -> None:
    progress = progress_of(
        [Criterion(Kind.EACH_ASSESSMENT, millionths(60))], ITEMS, {0: millionths(9)}, is_attested=False
    )
    assert progress.ring == Ring((33,), "1/3")


def test_what_she_can_do_herself_comes_before_what_others_have_to_grade() -> None:
    rule = [Criterion(Kind.EACH_ASSESSMENT, millionths(60)), Criterion(Kind.DISCUSSION_POSTS, n=3, distinction=4)]
    counted = {"discussion_posts": 1}
    progress = progress_of(rule, ITEMS, {}, is_attested=False, counts=counted, countable=COUNTED)
    assert progress.next_step == "Write 2 more discussion posts."
    assert progress_of(rule, ITEMS, {}, is_attested=False, counts=counted).next_step == "Nothing is graded yet."
    graded = {item.id: millionths(6) for item in ITEMS}
    enough = progress_of(rule, ITEMS, graded, is_attested=False, counts={"discussion_posts": 3}, countable=COUNTED)
    assert enough.next_step == "For distinction, write 1 more discussion post."
