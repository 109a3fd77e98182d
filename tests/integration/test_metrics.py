"""What monitoring reads, and from whichever process it asks."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from lti_cert.admin import metrics
from lti_cert.admin.request_counts import RequestCounts
from lti_cert.core import clock
from lti_cert.core.database import transaction
from lti_cert.courses import freshness
from lti_cert.outbox.models import OutboxRow, RowState
from tests import building as b
from tests.draining import drain_only
from tests.operating import signed_in

Samples = dict[tuple[str, ...], float]


@pytest.fixture
def read(client: FlaskClient) -> Callable[[], Samples]:
    """Each number under its name and its labels' values, after what is kept of the last answer is old."""

    def ask() -> Samples:
        with time_machine.travel(clock.now() + metrics.KEPT):
            answer = client.get("/metrics")
        assert answer.status_code == 200
        families = text_string_to_metric_families(answer.text)
        return {
            (sample.name, *(str(value) for value in sample.labels.values())): sample.value
            for family in families
            for sample in family.samples
        }

    return ask


def test_requests_are_counted_by_route_and_status(client: FlaskClient, read: Callable[[], Samples]) -> None:
    for path in ("/verify/one", "/verify/two", "/verify", "/nowhere/1", "/nowhere/2"):
        client.get(path)
    found = read()
    assert found["lti_cert_requests_total", "/verify/<public_id>", "404"] == 2
    assert found["lti_cert_requests_total", "/verify", "200"] == 1
    assert found["lti_cert_requests_total", metrics.NO_ROUTE, "404"] == 2


@pytest.mark.each_database
def test_the_outbox_its_jobs_and_the_syncs_are_told_as_they_stand_in_sql(read: Callable[[], Samples]) -> None:
    course = b.course()
    b.take(course, b.snapshot({"Quiz": 20}, {"ada": {"Quiz": 19}, "bob": {"Quiz": 3}}))
    b.achievement(course)
    drain_only("evaluate")
    with transaction():
        freshness.ask_for_sync(course)
    with transaction() as session:
        late = update(OutboxRow).where(OutboxRow.job == "sync").values(due_at=clock.now() - timedelta(minutes=2))
        session.execute(late)
        run = update(OutboxRow).where(OutboxRow.job == "evaluate")
        session.execute(run.values(started_at=OutboxRow.finished_at))
    found = read()
    assert found["lti_cert_outbox_rows", "waiting"] >= 2
    assert found["lti_cert_outbox_rows", "set_aside"] == 0
    assert 119 <= found["lti_cert_outbox_oldest_due_seconds",] <= 180
    assert found["lti_cert_jobs_last_hour", "evaluate", "done"] == 1
    assert found["lti_cert_job_seconds_last_hour_bucket", "evaluate", "0.1"] == 1
    assert found["lti_cert_job_seconds_last_hour_gcount", "evaluate"] == 1
    assert found["lti_cert_syncs_last_hour", "stored"] == 1
    assert found["lti_cert_courses", "fresh"] == 1


@pytest.mark.each_database
def test_a_run_is_timed_from_its_beginning_to_its_end(read: Callable[[], Samples]) -> None:
    now = clock.now()
    with transaction() as session:
        for number, seconds in enumerate((0.05, 3, 400)):
            row = OutboxRow(event="X", job="evaluate", payload={"course_id": number}, state=RowState.DONE, due_at=now)
            row.created_at, row.started_at = now, now - timedelta(seconds=seconds)
            row.finished_at = now
            session.add(row)
    found = read()
    told = {name[2]: value for name, value in found.items() if name[0] == "lti_cert_job_seconds_last_hour_bucket"}
    assert (told["0.1"], told["1.0"], told["5.0"], told["300.0"], told["+Inf"]) == (1, 1, 2, 2, 3)
    assert found["lti_cert_job_seconds_last_hour_gsum", "evaluate"] == pytest.approx(403.05, abs=0.01)


def test_an_answer_serves_for_a_moment_so_that_asking_often_costs_nothing(client: FlaskClient) -> None:
    with time_machine.travel(clock.now(), tick=False) as travel:
        first = client.get("/metrics").text
        b.course()
        assert client.get("/metrics").text == first
        travel.shift(metrics.KEPT)
        assert client.get("/metrics").text != first


def test_no_person_course_or_platform_is_named(app: Flask, client: FlaskClient) -> None:
    operator = signed_in(app)
    course = b.course(b.registration("https://campus.example"), "secret-context", "Secret course")
    b.take(course, b.snapshot({"Quiz": 20}, {"ada-the-learner": {"Quiz": 19}}))
    operator.get(f"/admin/courses/{course.id}")
    client.get("/verify/8zvNf2RtEgdLM6e4QmPTxk")
    said = client.get("/metrics").text
    for word in ("ada-the-learner", "secret-context", "Secret", "campus.example", "olga", "8zvNf2RtEgdLM6e4QmPTxk"):
        assert word not in said


FORKS = """
import os
from lti_cert.admin.request_counts import RequestCounts

counts = RequestCounts(["/a", "/b"], [200, 404])
counts.add("/a", 200)
for _ in range(100):  # more than there are rows: the row of one that has ended is taken over
    if not os.fork():
        counts.add("/b", 404)
        os._exit(0)
    os.wait()
counts.add("/a", 200)
print(*counts.totals())
"""
"""In a process of its own, since this one has threads."""


def test_processes_that_were_forked_count_together_and_their_counts_outlive_them() -> None:
    done = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, check=True)
    assert done.stdout == "('/a', 200, 2) ('/b', 404, 100)\n"


def test_what_is_not_known_is_not_counted() -> None:
    counts = RequestCounts(["/a"], [200])
    counts.add("/other", 200)
    counts.add("/a", 299)
    assert list(counts.totals()) == []
