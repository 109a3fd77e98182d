"""What the instructor's four tabs show, as plain values: overview, rules, people, design."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from lti_cert.achievements.criteria import Kind, Level
from lti_cert.certificates.lifecycle import State
from lti_cert.issuing.pdf import Signatory
from lti_cert.panel.charts import Distribution
from lti_cert.panel.pages import Freshness, Notice, Requirement

Tab = Literal["overview", "rules", "people", "design"]


@dataclass(frozen=True)
class OtherCertificate:
    """One of several that a course has, to be chosen above the tabs."""

    name: str
    """As requests name it."""
    title: str
    status: str
    pending: int = 0


@dataclass(frozen=True)
class Header:
    """What stands above the tabs on each of them."""

    title: str
    course: str
    status: str
    """An achievement's `Status`, or "none" before there is one."""
    freshness: Freshness
    pending: int = 0
    is_counting: bool = False
    """Who waits is being worked out: the page asks for the number again until it is known."""
    may_edit: bool = True
    """False for teaching assistants: rules and design are shown, not changed."""
    may_decide: bool = True
    notice: Notice | None = None
    certificates_on: bool = True
    """False: nothing is evaluated in this course."""
    about: str = ""
    """Names the achievement that the page is about; "new" for one to be made beside others, empty before the first."""
    choices: tuple[OtherCertificate, ...] = ()
    """All of them, where there are several."""

    @property
    def query(self) -> str:
        """What an address carries so that its answer is about the same achievement."""
        return f"?achievement={self.about}" if self.choices else ""


@dataclass(frozen=True)
class Need:
    """Something that waits for the instructor, with the one thing to press."""

    tone: Literal["waiting", "failed", "info"]
    text: str
    action: str
    path: str
    """A GET path of the panel that opens it."""


@dataclass(frozen=True)
class FunnelStep:
    label: str
    count: int
    of: int
    note: str = ""

    @property
    def hundredths(self) -> int:
        return min(100, self.count * 100 // self.of) if self.of > 0 else 0


@dataclass(frozen=True)
class SyncStatus:
    """One run, or the last one. While it is running the page asks again every second."""

    state: Literal["never", "running", "paused", "done", "failed", "held"]
    text: str
    """ "Reading results: 4 of 12 columns", "212 learners and 12 columns, in 3 seconds" """
    guidance: str = ""
    """What to do when it failed or is held."""
    done: int = 0
    total: int = 0
    at: datetime | None = None
    finished_now: bool = False
    """True in the answer that ends the asking: the tab is then loaded afresh."""
    may_stop: bool = False
    is_brought: bool = False
    """There is nothing to read: somebody uploads the grades."""


@dataclass(frozen=True)
class ConnectionStatus:
    """How it stands with Canvas' own interface in this course."""

    may_change: bool
    is_used: bool
    """Grades are read through it."""
    is_for_platform: bool = False
    """An administrator connected it for every course, whether or not that is of use still."""
    since: datetime | None = None
    """None: not connected."""
    by: str = ""
    """The name of whoever connected it."""
    broken_because: str = ""


@dataclass(frozen=True)
class OtherSource:
    """What the course could be read from instead."""

    name: str
    title: str
    """As it stands in a sentence."""


@dataclass(frozen=True)
class Mapped:
    """How the columns and people of another source are those that the course has."""

    title: str
    """Of the source, as it stands in a sentence."""
    pairs: tuple[tuple[str, str], ...] = ()
    """The name that a column has here, and the one it has there."""
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Learners of the roster of whom it says nothing."""
    limits: str = ""
    """What it cannot see, a sentence."""


@dataclass(frozen=True)
class OverviewPage:
    header: Header
    needs: tuple[Need, ...] = ()
    funnel: tuple[FunnelStep, ...] = ()
    sync: SyncStatus = field(default_factory=lambda: SyncStatus("never", "Grades have not been read yet."))
    missing: tuple[str, ...] = ()
    """What the platform does not tell of learners, and what that means. A sentence each."""
    offer: "TakeOverOffer | None" = None
    assistants_may_approve: bool = False
    may_upload: bool = False
    other_sources: tuple[OtherSource, ...] = ()
    connection: ConnectionStatus | None = None
    """To the platform's own interface; None where it has none."""
    tab: Tab = "overview"


@dataclass(frozen=True)
class TakeOverOffer:
    """This course is a copy, and may begin with the settings of the old one."""

    course: str
    certificates: tuple[str, ...]
    """Their titles."""
    waits_for_grades: bool = False
    """Assessments are matched by name, so they have to be known first."""


@dataclass(frozen=True)
class Movement:
    """Who would move, by number and by name; `names` may be cut short."""

    count: int
    names: tuple[str, ...] = ()

    @property
    def unnamed(self) -> int:
        return self.count - len(self.names)


@dataclass(frozen=True)
class Preview:
    """What a change would do, worked out on the newest complete snapshot; nothing has been changed yet."""

    newly: Movement
    lapsing: Movement
    """Who waits for approval, and would no longer qualify for it."""
    flagged: Movement
    """Who has earned it, and would no longer qualify."""
    unchanged: int
    approval: bool
    awards: int = 0
    """How many certificates would be awarded at once, without approval."""
    is_over_brake: bool = False
    """So many that they are held until confirmed."""
    seen: str = ""
    """Names exactly what was shown; sent back on saving, so that nothing else is saved."""
    warnings: tuple[str, ...] = ()
    """Why nobody could meet the rule, or what about it would need attention."""


@dataclass(frozen=True)
class HeldPage:
    """A reading that is held back, and what accepting it would do to each open achievement."""

    header: Header
    run_id: int
    at: datetime
    reason: str
    previews: tuple[tuple[str, Preview], ...] = ()
    """Each with the title of its achievement."""
    mapped: Mapped | None = None
    """Where it is the trial of another source."""
    tab: Tab = "overview"


@dataclass(frozen=True)
class IdChoice:
    """What a column of an uploaded table may tell of people."""

    kind: str
    label: str
    column: int | None
    """Which one does, from 0."""


@dataclass(frozen=True)
class UploadColumn:
    place: int
    name: str
    points: str
    """As typed; empty where the column is left out."""
    note: str = ""
    """Why it was proposed to be left out."""


@dataclass(frozen=True)
class UploadLine:
    number: int
    who: str
    is_matched: bool
    cells: tuple[str, ...]


@dataclass(frozen=True)
class UploadedFile:
    """How a file is understood that has not been taken yet."""

    id: str
    name: str
    kind: str
    """As it stands after “This is”."""
    lines: int
    """About people."""
    matched: int
    learners: int
    """Of the course."""
    roster_problem: str
    """Why they are those of the last reading; empty where the platform has just told who is in the course."""
    missing: tuple[str, ...]
    """Learners of whom it has no line."""
    unmatched: tuple[str, ...]
    """Lines that match nobody, and why."""
    ids: tuple[IdChoice, ...]
    headings: tuple[str, ...]
    columns: tuple[UploadColumn, ...]
    shown: tuple[int, ...]
    """The columns of which the first lines are shown."""
    first: tuple[UploadLine, ...]


@dataclass(frozen=True)
class UploadPage:
    """Where an instructor brings a gradebook."""

    header: Header
    problems: tuple[str, ...] = ()
    file: UploadedFile | None = None
    tab: Tab = "overview"


@dataclass(frozen=True)
class ItemChoice:
    """A column of the gradebook that may be required."""

    id: str
    label: str
    maximum: str
    """In points, as `wording.points` gives it."""
    gone: bool = False
    """Chosen, but no longer in the gradebook."""


@dataclass(frozen=True)
class LeftOut:
    label: str
    reason: str


@dataclass(frozen=True)
class CriterionForm:
    """One requirement as it stands in the form: texts as typed, so that a rejected form comes back unchanged."""

    kind: Kind
    completion: str = ""
    distinction: str = ""
    n: str = ""
    label: str = ""
    """What an instructor confirms; only for `attestation`."""
    chosen: tuple[str, ...] | None = None
    """Ids of the chosen items; None: all."""
    weights: str = ""
    """As JSON, by item; only for `average`. The form does not change them, and does not lose them either."""
    errors: dict[str, str] = field(default_factory=dict)
    """Field name (`completion`, `distinction`, `n`, `label`, `items`, `weights`) -> what is wrong with it."""


@dataclass(frozen=True)
class RulesPage:
    header: Header
    sentence: str
    """The saved rule as one sentence; empty while there is none."""
    title: str
    criteria: tuple[CriterionForm, ...]
    items: tuple[ItemChoice, ...]
    left_out: tuple[LeftOut, ...] = ()
    approval: bool = True
    award_from: str = ""
    """As a date field has it: 2026-12-15."""
    charts: tuple[Distribution, ...] = ()
    preview: Preview | None = None
    errors: dict[str, str] = field(default_factory=dict)
    """Field name (`title`, `award_from`, `criteria`) -> what is wrong with it."""
    warnings: tuple[str, ...] = ()
    """Why nobody can meet the rule, or what about it needs attention."""
    uncounted: dict[Kind, str] = field(default_factory=dict)
    """What to know of the kinds that nobody counts in this course."""
    version: int = 0
    tab: Tab = "rules"

    @property
    def is_rejected(self) -> bool:
        """The form is as it was sent, and saved nowhere."""
        return bool(self.errors) or any(criterion.errors for criterion in self.criteria)


@dataclass(frozen=True)
class PersonRow:
    certificate_id: str
    version: int
    name: str
    state: State
    level: Level | None
    pending_level: Level | None
    progress: str
    flags: tuple[str, ...]
    since: datetime | None
    """When it last moved; None before it ever did."""
    fits: tuple[str, ...] = ()
    """What may be done with it now, and "mail" where she has an address."""

    @property
    def reference(self) -> str:
        """Names the row as it was seen: what has moved since is skipped."""
        return f"{self.certificate_id}:{self.version}"


@dataclass(frozen=True)
class PeopleFilter:
    state: str = ""
    """A state, or "waiting": everything that waits for a decision, distinction beside a completion too."""
    flag: str = ""
    q: str = ""
    sort: str = "name"
    """One of the page's `sorts`."""
    page: int = 1


DECISIONS = ("approve", "confirm_held", "deny", "grant", "attest", "unattest", "reopen", "reissue", "revoke")
"""In the order in which they are offered."""


@dataclass(frozen=True)
class PeoplePage:
    header: Header
    rows: tuple[PersonRow, ...]
    filter: PeopleFilter
    matching: int
    """How many match the filter, on all pages."""
    total: int
    """How many there are without a filter."""
    pages: int = 1
    sorts: tuple[str, ...] = ("name", "state", "moved")
    """The orders on offer: a column (`name`, `state`, `level`, `progress`, `moved`), a leading minus for the other way
    round. A column that is not named here cannot be sorted by."""
    state_counts: dict[str, int] = field(default_factory=dict)
    flag_counts: dict[str, int] = field(default_factory=dict)
    all_matching: dict[str, list[str]] = field(default_factory=dict)
    """References of all that match, by what fits them, where they may be selected beyond this page; else empty."""
    attestation: str = ""
    """What an instructor confirms by hand, if the rule asks for it."""
    has_distinction: bool = True
    """Whether it can be granted."""
    decisions: tuple[str, ...] = DECISIONS
    """Those that this person makes."""
    tab: Tab = "people"


@dataclass(frozen=True)
class LogLine:
    at: datetime
    text: str
    """ "Approved by Dr. Chen", "Became eligible for distinction" """
    reason: str = ""


@dataclass(frozen=True)
class EvidenceRow:
    """One person opened: what was reached, what has happened, what may be done."""

    person: PersonRow
    requirements: tuple[Requirement, ...]
    history: tuple[LogLine, ...]
    criteria_version: int
    as_of: datetime | None = None
    """Of the scores."""
    may_decide: bool = True
    attestation: str = ""
    has_distinction: bool = True
    """Whether it can be granted."""
    email: str = ""
    credential_id: str = ""
    """Of the certificate that is valid now; empty without one."""
    document_waits_for: str = ""
    """A sentence, where its document cannot be made yet."""


@dataclass(frozen=True)
class DesignPreview:
    """The real document, drawn by what draws certificates, as a picture."""

    image_url: str = ""
    level: Level = Level.COMPLETION
    failed_because: str = ""
    left_out: str = ""
    """The signs that no font has and that the documents do without."""


@dataclass(frozen=True)
class DesignPage:
    header: Header
    subtitle: str
    issuer: str
    signatories: tuple[Signatory, ...]
    """Up to three; the form always shows three."""
    has_distinction: bool = False
    logo_url: str = ""
    """A data: address of the stored logo; empty without one."""
    preview: DesignPreview = field(default_factory=DesignPreview)
    is_rejected: bool = False
    """The form is as it was sent, and saved nowhere."""
    tab: Tab = "design"
