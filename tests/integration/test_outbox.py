"""What the outbox promises: nothing lost, nothing early, nothing twice at once."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import redis
import time_machine
from flask import Flask
from sqlalchemy import select

from lti_cert.app import create_app
from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import Conflict
from lti_cert.outbox import outbox, relay, run, tending
from lti_cert.outbox.models import OutboxRow, RowState
from lti_cert.outbox.outbox import ClockRule, Job, JobMap, Overtaken, Postponed
from lti_cert.settings import Settings
from tests.draining import drain

pytestmark = [pytest.mark.each_database]


@dataclass(frozen=True)
class Happened:
    thing: int
    course: int = 0


class Desk:
    """A job that does what the test tells it and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.does: Callable[[int], None] = lambda _thing: None

    def __call__(self, thing: int) -> None:
        self.calls.append(thing)
        self.does(thing)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def job(app: Flask, desk: Desk) -> Callable[..., Job]:
    def make(**more: Any) -> Job:
        made = replace(Job("desk", desk, takes=("thing",)), **more)
        app.extensions["jobs"] = JobMap(after={Happened: (made,)})
        return made

    make()
    return make


def add(*things: int) -> None:
    with transaction():
        outbox.add(*(Happened(thing) for thing in things))


def rows() -> list[OutboxRow]:
    db.session.rollback()
    return list(db.session.scalars(select(OutboxRow).order_by(OutboxRow.id)))


def states() -> list[str]:
    return [row.state for row in rows()]


@pytest.mark.usefixtures("job")
def test_a_row_lives_and_dies_with_the_decision_that_caused_it(desk: Desk) -> None:
    with pytest.raises(ZeroDivisionError), transaction():
        outbox.add(Happened(1))
        1 / 0  # noqa: B018  (whatever goes wrong after it)
    assert rows() == []
    add(2)
    assert drain() == 1
    assert desk.calls == [2]
    assert states() == [RowState.DONE]


def test_a_duplicate_that_still_waits_is_dropped(job: Callable[..., Job], desk: Desk) -> None:
    job(unique=True)
    add(1, 1, 2)
    add(1)
    drain()
    assert sorted(desk.calls) == [1, 2]


def test_an_event_during_the_run_of_its_twin_gets_a_run_of_its_own(job: Callable[..., Job], desk: Desk) -> None:
    job(unique=True)
    add(1)

    def again(_thing: int) -> None:
        desk.does = lambda _thing: None
        add(1)

    desk.does = again
    drain()
    assert desk.calls == [1, 1]


def test_rows_of_one_serial_key_run_one_at_a_time_and_in_order(job: Callable[..., Job]) -> None:
    one = job(serial="course")
    add(1, 2, 3)
    now = clock.now()
    first = relay.claim(one, 10, now)
    assert len(first) == 1
    run._mark_running([first[0].id])
    assert relay.claim(one, 10, now) == []
    second = rows()[1].id
    assert run._start([second]) == []  # even if a relay were wrong, the database refuses
    assert states() == [RowState.RUNNING, RowState.WAITING, RowState.WAITING]


def test_a_failure_is_retried_with_growing_pauses_and_set_aside_after_the_last(
    desk: Desk, job: Callable[..., Job]
) -> None:
    assert job()

    def fail(_thing: int) -> None:
        raise ValueError("the mail server says no")

    desk.does = fail
    add(1)
    waits = []
    with time_machine.travel(clock.now() + timedelta(seconds=1), tick=False) as traveller:
        while states() == [RowState.WAITING]:
            wait = rows()[0].due_at - clock.now()
            waits.append(wait)
            traveller.shift(max(wait, timedelta()))
            drain()
    assert waits[1:] == list(run.PAUSES)
    assert states() == [RowState.SET_ASIDE]
    assert rows()[0].note == "ValueError: the mail server says no"
    assert len(desk.calls) == len(run.PAUSES) + 1


@pytest.mark.usefixtures("job")
def test_an_administrator_retries_or_discards_what_was_set_aside(desk: Desk) -> None:
    add(1, 2)
    with transaction() as session:
        for row in session.scalars(select(OutboxRow)):
            row.state = RowState.SET_ASIDE
    first, second = (row.id for row in rows())
    tending.retry(first, actor="os:ann")
    tending.discard(second, actor="os:ann")
    drain()
    assert desk.calls == [1]
    assert states() == [RowState.DONE, RowState.OVERTAKEN]
    with pytest.raises(Conflict):
        tending.retry(first, actor="os:ann")


@pytest.mark.usefixtures("job")
def test_a_job_may_be_overtaken_or_ask_to_wait_without_having_failed(desk: Desk) -> None:
    def decide(thing: int) -> None:
        raise Overtaken("revoked meanwhile") if thing == 1 else Postponed(timedelta(minutes=5), "too fast")

    desk.does = decide
    add(1, 2)
    drain()
    overtaken, postponed = rows()
    assert (overtaken.state, overtaken.note) == (RowState.OVERTAKEN, "revoked meanwhile")
    assert (postponed.state, postponed.attempts) == (RowState.WAITING, 0)
    assert postponed.due_at > clock.now() + timedelta(minutes=4)


@pytest.mark.usefixtures("job")
def test_a_row_whose_worker_died_comes_due_again_in_under_a_minute(desk: Desk) -> None:
    add(1)
    run._mark_running([rows()[0].id])
    with time_machine.travel(clock.now() + timedelta(seconds=59), tick=False):
        relay.wake_abandoned(clock.now())
        drain()
    assert desk.calls == [1]
    assert states() == [RowState.DONE]


def test_a_row_that_ends_its_worker_again_and_again_comes_later_each_time_and_is_set_aside(
    job: Callable[..., Job],
) -> None:
    job()
    add(1)
    pauses = []
    with time_machine.travel(clock.now(), tick=False) as travel:
        while rows()[0].state == RowState.WAITING:
            run._mark_running([rows()[0].id])
            travel.shift(run.LEASE)
            relay.wake_abandoned(clock.now())
            pauses.append(rows()[0].due_at - clock.now())
            travel.move_to(max(clock.now(), rows()[0].due_at))
    assert pauses[:-1] == [timedelta(), *run.PAUSES[:-1]]
    assert (states(), rows()[0].note) == ([RowState.SET_ASIDE], "its runs ended early, again and again")


def test_of_several_lost_runs_of_the_same_one_comes_due_again(job: Callable[..., Job], desk: Desk) -> None:
    """Without a serial key the second began while the first was running."""
    job(unique=True)
    with time_machine.travel(clock.now(), tick=False) as travel:
        for _ in range(2):
            add(1)
            run._mark_running([rows()[-1].id])
        assert states() == [RowState.RUNNING, RowState.RUNNING]
        travel.shift(run.LEASE)
        relay.wake_abandoned(clock.now())
        assert states() == [RowState.OVERTAKEN, RowState.WAITING]
        drain()
    assert desk.calls == [1]


def test_a_row_lost_between_redis_and_a_worker_is_handed_over_again(desk: Desk, job: Callable[..., Job]) -> None:
    one = job()
    add(1)
    assert len(relay.claim(one, 10, clock.now())) == 1
    assert relay.claim(one, 10, clock.now()) == []
    with time_machine.travel(clock.now() + relay.HAND_OVER, tick=False):
        drain()
    assert desk.calls == [1]


@pytest.mark.usefixtures("job")
def test_a_run_that_lost_its_lease_cannot_store_anything(desk: Desk) -> None:
    add(1, 7)

    def lose(thing: int) -> None:
        if thing == 1:
            with db.engine.begin() as other:  # what the relay does when it believes this worker dead
                other.execute(OutboxRow.__table__.update().where(OutboxRow.id == first).values(fence=99))
            with transaction():
                outbox.add(Happened(1000))

    first = rows()[0].id
    desk.does = lose
    drain()
    assert [row.payload["thing"] for row in rows()] == [1, 7]
    assert states() == [RowState.RUNNING, RowState.DONE]


def test_one_rq_job_drains_a_batch_but_what_failed_travels_alone(job: Callable[..., Job]) -> None:
    one = job(batch=3)
    add(*range(5))
    with transaction() as session:
        session.get_one(OutboxRow, rows()[0].id).attempts = 2
    sent: list[list[int]] = []

    class Queue:
        def enqueue(self, _function: str, ids: list[int], **_more: object) -> None:
            sent.append(ids)

    relay._hand_over(Queue(), one, relay.claim(one, 10, clock.now()))  # type: ignore[arg-type]
    assert sorted(len(load) for load in sent) == [1, 1, 3]


@pytest.mark.usefixtures("job")
def test_the_rest_of_a_batch_is_given_back_when_one_row_ran_out_of_time(desk: Desk) -> None:
    from rq.timeouts import JobTimeoutException

    def hang(thing: int) -> None:
        if thing == 1:
            raise JobTimeoutException

    desk.does = hang
    add(1, 2)
    run.drain([row.id for row in rows()])
    assert [(row.state, row.attempts) for row in rows()] == [(RowState.WAITING, 1), (RowState.WAITING, 0)]


def test_of_several_relays_one_lets_a_rule_of_the_clock_speak(app: Flask, job: Callable[..., Job], desk: Desk) -> None:
    assert job()
    rule = ClockRule("daily", timedelta(days=1), lambda: [Happened(5)])

    def fire() -> None:
        with app.app_context():
            relay.fire(rule, clock.now())
            db.session.remove()

    threads = [threading.Thread(target=fire) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drain()
    assert desk.calls == [5]
    with time_machine.travel(clock.now() + timedelta(days=1, seconds=1)):
        fire()
        drain()
    assert desk.calls == [5, 5]


def test_a_promise_waits_for_the_decision_of_whoever_made_it_first(app: Flask, job: Callable[..., Job]) -> None:
    """Two decisions that promise the same: the run that takes the row sees what both of them wrote."""
    one = job(unique=True)
    add(1)
    entered, leave = threading.Event(), threading.Event()
    order: list[str] = []

    def decide() -> None:
        with app.app_context():
            with transaction():
                outbox.add(Happened(1))
                entered.set()
                leave.wait(10)
                order.append("decided")
            db.session.remove()

    thread = threading.Thread(target=decide)
    thread.start()
    assert entered.wait(10)
    threading.Timer(0.3, leave.set).start()
    run._mark_running([rows()[0].id])  # waits for the row
    order.append("running")
    thread.join()
    assert order == ["decided", "running"]
    assert one.unique


def test_a_relay_waits_for_a_database_that_is_away(
    make_settings: Callable[..., Settings], free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "PAUSE_WITHOUT_SERVER_SECONDS", 0)
    turns = iter([True, True, False])
    port = free_port()
    with create_app(make_settings(database_url=f"postgresql://nobody@127.0.0.1:{port}/nothing")).app_context():
        relay.run(redis.Redis(port=port), go_on=lambda: next(turns))
    assert list(turns) == []
