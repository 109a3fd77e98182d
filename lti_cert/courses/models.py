"""The mirrored course. Scores and maxima are integers in millionths of a point."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, false, text, true
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from lti_cert.core.database import Base, index_on, primary_key
from lti_cert.core.folding import folded
from lti_cert.lti.models import Registration

FEED = "feed"
"""The provider of counts that is no source: events pushed to us."""

LONGEST_PLATFORM_ID = 255
"""A longer one is none, and would not fit an index."""


class Course(Base):
    """LTI's Context: (registration, context id) on Canvas, where several deployments show one course, and
    (registration, deployment, context id) elsewhere; `deployment_key` is empty on Canvas."""

    __tablename__ = "course"
    __table_args__ = (
        UniqueConstraint("registration_id", "deployment_key", "context_id"),
        Index(None, "registration_id", "context_id"),
        Index(None, "registration_id", "platform_id"),
    )

    id: Mapped[primary_key]
    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"))
    deployment_key: Mapped[str] = mapped_column(Text)
    context_id: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text, default="")
    label: Mapped[str] = mapped_column(Text, default="")
    platform_id: Mapped[str] = mapped_column(Text, default="", server_default="")
    """The id under which the platform's own interface and its events know the course, where a signed launch told it."""
    source: Mapped[str] = mapped_column(Text, default="ags")
    is_source_chosen: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    """By somebody; else a course that was never read begins with the best one."""
    evidence_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    """Counts changes of evidence. A member carries the number of her last change, an evaluation the number up to
    which it looked:
    what is in between is what changed, and no event can be lost between them."""
    synced_at: Mapped[datetime | None]
    """When the present snapshot was complete."""
    whole_at: Mapped[datetime | None]
    """When the last reading began that read everything, whose snapshot was stored."""
    whole_asked_at: Mapped[datetime | None]
    """When somebody last asked for the course to be read."""
    snapshot_limits: Mapped[str] = mapped_column(Text, default="")
    """What the source of the present snapshot cannot see, in words."""
    stale_reason: Mapped[str] = mapped_column(Text, default="")
    """Why the last run did not replace the present snapshot; empty when it did."""
    trial_source: Mapped[str] = mapped_column(Text, default="")
    """A source that the next run tries out; what it reads is held until somebody accepts it."""
    fresh_minutes: Mapped[int | None]
    """How often the clock has it read; None: as `courses.freshness` says."""
    ends_at: Mapped[datetime | None]
    """When the course is over, where a launch has said so."""
    failures: Mapped[int] = mapped_column(default=0)
    """Runs since the last one that was stored."""
    retry_at: Mapped[datetime | None]
    """Until then neither launches nor the clock have it read again, after a run that stored nothing."""
    posts_from: Mapped[str] = mapped_column(Text, default=FEED, server_default=FEED)
    notes_from: Mapped[str] = mapped_column(Text, default=FEED, server_default=FEED)
    """Who counts discussion posts and class notes here, one provider each, so that nothing counts twice: the feed, or a
    source by its name. Counts of others are kept and not looked at."""
    is_final: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    """The platform has concluded the course: syncs stop, decisions by hand go on."""
    certificates_on: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    """Off: nothing is evaluated in this course, and what is pending waits."""
    assistants_may_approve: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    copied_from_id: Mapped[int | None] = mapped_column(ForeignKey("course.id"))
    """The course that this one is a copy of, as the platform says."""
    last_launch_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    registration: Mapped[Registration] = relationship()


class ResourceLink(Base):
    """A placement of the tool in a course; service addresses are told per link."""

    __tablename__ = "resource_link"
    __table_args__ = (UniqueConstraint("course_id", "resource_link_id"),)

    id: Mapped[primary_key]
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    resource_link_id: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text, default="")
    lineitems_url: Mapped[str] = mapped_column(Text, default="")
    lineitem_url: Mapped[str] = mapped_column(Text, default="")
    memberships_url: Mapped[str] = mapped_column(Text, default="")
    scopes: Mapped[str] = mapped_column(Text, default="")
    """As the launch named them, separated by blanks."""


_JOINED = text("joined_to_id IS NOT NULL")


class Member(Base):
    __tablename__ = "member"
    __table_args__ = (
        UniqueConstraint("course_id", "user_id"),
        Index(None, "course_id", "evidence_seq"),
        Index(None, "course_id", "platform_id"),
        Index("ix_member_joined", "course_id", sqlite_where=_JOINED, postgresql_where=_JOINED),
    )

    id: Mapped[primary_key]
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    user_id: Mapped[str] = mapped_column(Text)
    """LTI `sub`."""
    platform_id: Mapped[str] = mapped_column(Text, default="", server_default="")
    """The platform's own id of her, where a signed launch or the roster told it."""
    sourced_id: Mapped[str] = mapped_column(Text, default="", server_default="")
    """The id that the institution's own records have of her, told likewise (LIS `person_sourcedid`)."""
    name: Mapped[str] = mapped_column(Text, default="")
    folded_name: Mapped[str] = mapped_column(Text, default="", server_default="")
    """What she is looked for and put in order by: `folded` of the name, written with it."""
    email: Mapped[str] = mapped_column(Text, default="")
    locale: Mapped[str] = mapped_column(Text, default="")
    roles: Mapped[str] = mapped_column(Text, default="")
    """Context roles of the roster, our words, sorted, separated by blanks."""
    in_roster: Mapped[bool] = mapped_column(Boolean, default=False)
    """Present and active in the snapshot. False for a launcher not yet in one, and for somebody who left."""
    left_at: Mapped[datetime | None]
    joined_to_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    """Of somebody who left: the member to whom the roster has given her `platform_id`, since the platform has merged
    two accounts of one person."""
    is_known: Mapped[bool] = mapped_column(Boolean, default=True)
    """False: in the roster, but not in the source of the grades, which says nothing of her."""
    launched_as_staff: Mapped[bool] = mapped_column(Boolean, default=False)
    """Ever held a staff role at launch: Moodle's roster calls a non-editing teacher a learner, her launch does not."""
    is_test_user: Mapped[bool] = mapped_column(Boolean, default=False)
    is_evaluated: Mapped[bool] = mapped_column(Boolean, default=False)
    """Derived from the columns above by `members.is_evaluated`, kept so that set-based queries agree with it."""
    evidence_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    last_launch_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    @validates("name")
    def _fold(self, _attribute: str, name: str) -> str:
        self.folded_name = folded(name)
        return name


class LineItem(Base):
    __tablename__ = "line_item"
    __table_args__ = (UniqueConstraint("course_id", "ref"),)

    id: Mapped[primary_key]
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    ref: Mapped[str] = mapped_column(Text)
    """The source's own id; for AGS the line item's address."""
    label: Mapped[str] = mapped_column(Text)
    maximum: Mapped[int] = mapped_column(BigInteger)
    position: Mapped[int]
    also: Mapped[str] = mapped_column(Text, default="")
    """Other names under which sources know it, platform-signed ids only, one a line: a change of source finds it again
    by them."""
    exclusion: Mapped[str] = mapped_column(Text, default="")
    """Why "all assessments" leaves it out, as an `Exclusion`; empty where it counts."""
    removed_at: Mapped[datetime | None]
    """Gone from the source. The row stays, since rules and decisions name it; its results do not."""


class Exclusion(StrEnum):
    NO_POINTS = "no_points"
    UNPUBLISHED = "unpublished"
    TOTAL = "total"
    NOT_IN_FINAL_GRADE = "not_in_final_grade"
    OWN_COLUMN = "own_column"


class Result(Base):
    """One member's standing in one line item. Not graded is no row; zero is a row with zero; excused is a row without
    a score.
    """

    __tablename__ = "result"
    # Evaluation reads one item's scores of everybody: the table lies in that order. By member it has an index only on
    # PostgreSQL, where the scores of a few are found by it in a third of the time. SQLite, which keeps the rows in the
    # primary key itself, is as fast by the items of the course, and would store at double the cost.
    __table_args__ = (index_on("postgresql", "member_id"), {"sqlite_with_rowid": False})

    line_item_id: Mapped[int] = mapped_column(ForeignKey("line_item.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    score: Mapped[int | None] = mapped_column(BigInteger)


class Activity(StrEnum):
    """What is counted of a member beside her results."""

    DISCUSSION_POSTS = "discussion_posts"
    CLASS_NOTES = "class_notes"


class ActivityCount(Base):
    """How often a member did something in her course, as one provider counts it; not at all is no row, or 0."""

    __tablename__ = "activity_count"
    __table_args__ = ({"sqlite_with_rowid": False},)

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    provider: Mapped[str] = mapped_column(Text, primary_key=True)
    count: Mapped[int]


class SyncOutcome(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    """Slowed down by its platform: it goes on where it stands."""
    STORED = "stored"
    HELD = "held"
    FAILED = "failed"
    CANCELLED = "cancelled"
    FINAL = "final"


class SyncRun(Base):
    """One reading of a course from its source: kept so that "why is this old?" has an answer."""

    __tablename__ = "sync_run"
    __table_args__ = (Index(None, "course_id", "started_at"), Index(None, "started_at"))

    id: Mapped[primary_key]
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    source: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime]
    paused_at: Mapped[datetime | None]
    """When it last stopped on the way."""
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(Text, default=SyncOutcome.RUNNING)
    reason: Mapped[str] = mapped_column(Text, default="")
    detail: Mapped[str] = mapped_column(Text, default="")
    """What the operator may want to know of a failure beside it: addresses, statuses, codes."""
    progress: Mapped[str] = mapped_column(Text, default="")
    """What it is doing just now, for those who watch."""
    counts: Mapped[dict[str, Any]]
    """items, members, learners, results, changed_members, requests."""
    steps: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Where each of its source's streams goes on, as `Snapshot.steps`."""
    notes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What its source wants to know at the next reading, as `Snapshot.notes`."""
    limits: Mapped[str] = mapped_column(Text, default="")
    """What its source cannot see, in words."""


class StagedPage(Base):
    """Rows that a run has read and not stored yet: of a reading that is large, is slowed down, or is held."""

    __tablename__ = "staged_page"
    __table_args__ = (Index(None, "run_id", "kind", "ref"),)

    id: Mapped[primary_key]
    run_id: Mapped[int] = mapped_column(ForeignKey("sync_run.id"))
    kind: Mapped[str] = mapped_column(Text)
    """items, people, scores, counts."""
    ref: Mapped[str] = mapped_column(Text)
    """The item whose scores these are, or the kind of the counts; else empty."""
    content: Mapped[bytes] = mapped_column(LargeBinary)
    """Compressed JSON, as `courses.staging` packs it."""


class UploadedGradebook(Base):
    """A file that an instructor has brought and not taken yet. One a person and course: a newer one replaces it."""

    __tablename__ = "uploaded_gradebook"
    __table_args__ = (UniqueConstraint("course_id", "member_id"), Index(None, "expires_at"))

    id: Mapped[primary_key]
    public_id: Mapped[str] = mapped_column(Text, unique=True)
    """As the page names it; not to be guessed."""
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    """Whoever brought it: nobody else finds it."""
    name: Mapped[str] = mapped_column(Text)
    """Of the file."""
    content: Mapped[bytes] = mapped_column(LargeBinary)
    """As it came, compressed."""
    people: Mapped[bytes] = mapped_column(LargeBinary)
    """Everybody whom its lines may be about, as `staging.packed_people` packs them."""
    roster_problem: Mapped[str] = mapped_column(Text)
    """Why they are those of the last reading, in words; empty where the platform's roster was read for it."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class HeldSnapshot(Base):
    """A snapshot that decides nothing before an instructor has accepted it: it lost too much to be believed, or is the
    trial of another source. It stays staged. At most one a course: a newer run replaces it.
    """

    __tablename__ = "held_snapshot"

    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("sync_run.id"))
