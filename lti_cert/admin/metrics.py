"""What monitoring reads at /metrics, in the text format of Prometheus: numbers only, no id of a person or a course.

Whatever stands in SQL is read when it is asked for, so it is the same from every process; requests are counted in
memory that the web processes of one machine share.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from sqlalchemy import case, func, select

from lti_cert.admin import course_health, outbox_list
from lti_cert.admin.request_counts import RequestCounts
from lti_cert.core import clock
from lti_cert.core.database import db, seconds_between
from lti_cert.courses.models import SyncRun
from lti_cert.outbox import relay
from lti_cert.outbox.models import OutboxRow, RowState

bp = Blueprint("metrics", __name__)

RECENT = timedelta(hours=1)
"""Rows are not kept for ever, so what is finished is told of the last hour: a gauge, where a counter would run back."""

KEPT = timedelta(seconds=5)
"""An answer serves for so long: whoever asks more often costs the database nothing."""

BUCKETS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0)
"""Seconds."""

NO_ROUTE = "none"


def init_metrics(app: Flask) -> None:
    """Count what is answered; after the last blueprint and before the web server forks."""
    routes = sorted({NO_ROUTE, *(rule.rule for rule in app.url_map.iter_rules())})
    counts = RequestCounts(routes, [status.value for status in HTTPStatus])
    registry = CollectorRegistry()
    registry.register(_Collected(counts))
    app.extensions["metrics"] = _Answer(registry)

    @app.after_request
    def count(response: Response) -> Response:
        counts.add(request.url_rule.rule if request.url_rule else NO_ROUTE, response.status_code)
        return response


@bp.get("/metrics")
def metrics() -> Response:
    answer: _Answer = current_app.extensions["metrics"]
    return Response(answer.text(), content_type=CONTENT_TYPE_LATEST)


class _Answer:
    """The last answer, while it is fresh."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._made: tuple[datetime, bytes] | None = None

    def text(self) -> bytes:
        now = clock.now()
        if self._made is None or now - self._made[0] >= KEPT:
            self._made = now, generate_latest(self._registry)
        return self._made[1]


class _Collected(Collector):
    def __init__(self, counts: RequestCounts) -> None:
        self._counts = counts

    def describe(self) -> Iterable[Metric]:
        return ()  # so that registering it does not ask the database

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily("lti_cert_requests", "Requests of this machine", labels=["route", "status"])
        for route, status, number in self._counts.totals():
            requests.add_metric([route, str(status)], number)
        yield requests
        for measure in _MEASURES:
            yield measure(clock.now())


def _outbox_rows(_now: datetime) -> Metric:
    found = GaugeMetricFamily("lti_cert_outbox_rows", "Side effects that are not finished", labels=["state"])
    for state, number in outbox_list.counts().items():
        found.add_metric([state], number)
    return found


def _oldest_due(now: datetime) -> Metric:
    waited = relay.waiting_since(now).total_seconds()
    return GaugeMetricFamily("lti_cert_outbox_oldest_due_seconds", "How long the oldest due one has waited", waited)


def _jobs(now: datetime) -> Metric:
    found = GaugeMetricFamily(
        "lti_cert_jobs_last_hour", "Side effects that ended in the last hour", labels=["job", "outcome"]
    )
    query = select(OutboxRow.job, OutboxRow.state, func.count()).where(
        OutboxRow.finished_at > now - RECENT,
        OutboxRow.state.in_([RowState.DONE, RowState.OVERTAKEN, RowState.SET_ASIDE]),
    )
    for job, outcome, number in db.session.execute(query.group_by(OutboxRow.job, OutboxRow.state)):
        found.add_metric([job, outcome], number)
    return found


def _job_durations(now: datetime) -> Metric:
    found = GaugeHistogramMetricFamily(
        "lti_cert_job_seconds_last_hour", "How long the last run of those took", labels=["job"]
    )
    seconds = seconds_between(OutboxRow.started_at, OutboxRow.finished_at)
    within = [func.sum(case((seconds <= limit, 1), else_=0)) for limit in BUCKETS]
    query = select(OutboxRow.job, func.count(), func.sum(seconds), *within).where(
        OutboxRow.finished_at > now - RECENT,
        OutboxRow.started_at.is_not(None),
        OutboxRow.state.in_([RowState.DONE, RowState.OVERTAKEN]),
    )
    for job, number, total, *counted in db.session.execute(query.group_by(OutboxRow.job)):
        buckets: list[tuple[str, float]] = list(zip(map(str, BUCKETS), map(float, counted), strict=True))
        found.add_metric([job], [*buckets, ("+Inf", float(number))], gsum_value=float(total))
    return found


def _syncs(now: datetime) -> Metric:
    found = GaugeMetricFamily("lti_cert_syncs_last_hour", "Syncs that began in the last hour", labels=["outcome"])
    query = select(SyncRun.outcome, func.count()).where(SyncRun.started_at > now - RECENT)
    for outcome, number in db.session.execute(query.group_by(SyncRun.outcome)):
        found.add_metric([outcome], number)
    return found


def _courses(_now: datetime) -> Metric:
    found = GaugeMetricFamily("lti_cert_courses", "Courses by the health of their syncs", labels=["health"])
    for word, number in course_health.counts().items():
        found.add_metric([word], number)
    return found


_MEASURES: tuple[Callable[[datetime], Any], ...] = (
    _outbox_rows,
    _oldest_due,
    _jobs,
    _job_durations,
    _syncs,
    _courses,
)
