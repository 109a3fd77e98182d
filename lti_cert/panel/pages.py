"""What the panel's pages show, as plain values: shared parts and the learner's page.

Views fill these from the tables; templates only print them. Texts that name a number come from `wording`, so that
nothing is rounded twice.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Literal

from lti_cert.achievements.criteria import Level

Tone = Literal["done", "info", "waiting", "failed"]
RowStatus = Literal["reached", "missing", "ungraded", "excused"]


@dataclass(frozen=True)
class Notice:
    """The outcome of what was just done, or something one should know; announced to screen readers."""

    tone: Tone
    text: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Freshness:
    """Which source the page reads, what that source cannot see, and as of when."""

    source: str
    """As it stands in a sentence: "the gradebook", "Canvas"."""
    limits: str
    """One sentence."""
    as_of: datetime | None
    """When the last complete snapshot was taken; None before the first."""
    stale_because: str = ""
    """Why nothing newer is known, a sentence; empty while it is fresh."""


@dataclass(frozen=True)
class Ring:
    """One ring with an arc for each requirement, since steps of different kinds make no sum."""

    arcs: tuple[int, ...]
    """Hundredths of each, cut off: an arc closes only when its requirement is reached."""
    label: str = ""
    """In its middle: the steps of the only requirement there is, "5/7"."""

    @property
    def is_full(self) -> bool:
        return all(arc == 100 for arc in self.arcs)


@dataclass(frozen=True)
class RequirementRow:
    """One required assessment with the learner's own score.

    Percentages as `wording.percent` gives them; empty where there is none.
    """

    label: str
    status: RowStatus
    score: str = ""
    needs: str = ""
    distinction: str = ""
    distinction_reached: bool = False


@dataclass(frozen=True)
class Requirement:
    """One criterion: what it asks in words, how far it is met, and the assessments it looks at."""

    heading: str
    reached: bool
    progress: str
    """ "5 of 7", "74.2 %", "confirmed" """
    rows: tuple[RequirementRow, ...] = ()
    note: str = ""
    is_count: bool = False
    """Its one row counts what she has done; else each is an assessment."""


@dataclass(frozen=True)
class Earned:
    kind: ClassVar[str] = "earned"
    level: Level
    issued_on: date
    credential_id: str
    verify_url: str
    linkedin_url: str
    holder_url: str = ""
    """Her private page, which outlives the course."""
    document_ready: bool = True
    """False while the PDF is being made, or waits for a name."""
    document_waits_for: str = ""
    """A sentence, where it is more than the making that it waits for."""
    is_mailed: bool = True
    """Whether she is told by e-mail once she has it."""
    distinction_pending_since: datetime | None = None
    distinction_denied: bool = False


@dataclass(frozen=True)
class Waiting:
    kind: ClassVar[str] = "waiting"
    level: Level
    since: datetime
    is_mailed: bool = True
    """Whether she is told by e-mail once she has it."""


@dataclass(frozen=True)
class Denied:
    kind: ClassVar[str] = "denied"
    on: datetime
    reason: str


@dataclass(frozen=True)
class Revoked:
    kind: ClassVar[str] = "revoked"
    on: datetime
    reason: str


@dataclass(frozen=True)
class NothingYet:
    """No requirement can be shown: no certificate here, or the learner is not in a snapshot yet."""

    kind: ClassVar[str] = "nothing_yet"
    why: Literal["no_achievement", "waiting_for_sync", "no_snapshot", "no_role"]


Card = Earned | Waiting | Denied | Revoked | NothingYet


@dataclass(frozen=True)
class LearnerPage:
    title: str
    course: str
    freshness: Freshness
    headline: str = ""
    """ "5 of 7 assessments at 70 % or more" """
    next_step: str = ""
    """The nearest thing to do, a sentence."""
    ring: Ring | None = None
    requirements: tuple[Requirement, ...] = ()
    card: Card | None = None
    """None: in progress, with nothing decided."""
    about: tuple[str, ...] = ()
    """How it is awarded, the same for everybody: the rule, who approves, an award-from date. A sentence each."""
    missing: tuple[str, ...] = ()
    """What the platform does not tell of her, and what that means. A sentence each."""
    notice: Notice | None = None
    key: str = ""
    """Keeps the ids of the document apart where a course has several achievements."""


@dataclass(frozen=True)
class Watch:
    """How the learner's page asks for something newer by itself."""

    shown: str
    """Names what the page says."""
    looks_left: int
    """How often it still asks quickly."""
    seconds: int
    """Until it asks again."""
    is_outdated: bool = False
    """It would say something else by now."""
