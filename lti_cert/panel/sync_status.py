"""What the reading of a course's grades is doing, or how the last one ended, in words."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from lti_cert.core.database import db
from lti_cert.courses import freshness
from lti_cert.courses.events import CourseSynced, SyncDue
from lti_cert.courses.models import Course, SyncOutcome, SyncRun
from lti_cert.launch.models import PanelSession
from lti_cert.outbox import outbox
from lti_cert.panel.instructor_pages import SyncStatus
from lti_cert.panel.wording import counted

_STEP = re.compile(r"results (\d+) of (\d+)")
"""As a source tells how far it is."""


def status_of(course: Course) -> SyncStatus:
    return replace(_status_of(course), is_brought=not freshness.is_read(course))


def _status_of(course: Course) -> SyncStatus:
    run = db.session.scalar(select(SyncRun).where(SyncRun.course_id == course.id).order_by(SyncRun.id.desc()).limit(1))
    follows = outbox.job_map().after
    if outbox.is_promised(*follows[SyncDue], course_id=course.id):
        return _promised(run)
    if run is None:
        return SyncStatus("never", "Grades have not been read yet.")
    if run.outcome == SyncOutcome.STORED and is_evaluating(course):
        return SyncStatus("running", "Working out who qualifies")
    return _ended(run)


def shown_to(viewer: PanelSession, status: SyncStatus) -> SyncStatus:
    """Who may change what the course is read from may stop the reading too."""
    return replace(status, may_stop=viewer.may_edit and status.state in {"running", "paused"})


def is_moving(course: Course) -> bool:
    """Whether a reading or an evaluation is on its way that may change what is shown."""
    return is_evaluating(course) or status_of(course).state == "running"


def is_evaluating(course: Course) -> bool:
    return outbox.is_promised(*outbox.job_map().after[CourseSynced], course_id=course.id)


def watched(course: Course) -> SyncStatus:
    """For a page that asks until it ends: the last answer has it loaded afresh."""
    status = status_of(course)
    return status if status.state == "running" else replace(status, finished_now=True)


def _promised(run: SyncRun | None) -> SyncStatus:
    if run and run.outcome == SyncOutcome.RUNNING:
        return _running(run.progress)
    if run and run.outcome == SyncOutcome.PAUSED:
        text = "The learning platform asked to be left alone for a while. Reading goes on by itself where it stopped."
        return SyncStatus("paused", text, at=run.started_at)
    return SyncStatus("running", "Waiting for its turn")


def _running(progress: str) -> SyncStatus:
    if step := _STEP.fullmatch(progress):
        done, total = map(int, step.groups())
        return SyncStatus("running", f"Reading results: {done} of {total} columns", done=done, total=total)
    return SyncStatus("running", f"Reading {progress or 'grades'}")


def _ended(run: SyncRun) -> SyncStatus:
    match run.outcome:
        case SyncOutcome.STORED:
            return SyncStatus("done", _what_came(run.counts, _took(run)), at=run.finished_at)
        case SyncOutcome.HELD:
            guidance = "Nothing is decided from this reading until you accept it; the one before stays."
            return SyncStatus("held", run.reason, guidance, at=run.finished_at)
        case SyncOutcome.FINAL:
            text = f"{run.reason} What was read before stays. Is it open again, “Sync now” goes on with it."
            return SyncStatus("paused", text, at=run.finished_at)
        case SyncOutcome.CANCELLED:
            return SyncStatus("paused", f"{run.reason} What was read before stays.", at=run.finished_at)
        case SyncOutcome.RUNNING | SyncOutcome.PAUSED:
            return SyncStatus("failed", "It was interrupted.", _KEPT, at=run.started_at)
        case _:
            return SyncStatus("failed", run.reason, _KEPT, at=run.finished_at)


_KEPT = "Nothing was changed; what was read before stays."


def _what_came(counts: Mapping[str, Any], took: timedelta) -> str:
    parts = (
        _who_came(counts["members"], counts.get("learners")),
        counted(counts["items"], "column", "columns"),
        counted(counts["results"], "result", "results"),
    )
    seconds = max(1, round(took.total_seconds()))
    return f"{', '.join(parts)}, in {counted(seconds, 'second', 'seconds')}."


def _who_came(members: int, learners: int | None) -> str:
    """Runs of older versions have not counted learners."""
    if learners is None:
        return counted(members, "person", "people")
    others = members - learners
    return counted(learners, "learner", "learners") + (f" and {counted(others, 'other', 'others')}" if others else "")


def _took(run: SyncRun) -> timedelta:
    return run.finished_at - run.started_at if run.finished_at else timedelta()
