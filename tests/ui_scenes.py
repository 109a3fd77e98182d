"""Made-up values for the learner's page and the instructor's overview and rules, one for each state."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from lti_cert.achievements.criteria import Kind, uncounted
from lti_cert.panel import charts, instructor_pages, learner, pages, placing
from lti_cert.sources.snapshot import Finding

NOW = datetime(2026, 11, 23, 10, 42, tzinfo=UTC)
COURSE = "Introduction to Data Literacy, autumn 2026"
TITLE = "Certificate in Data Literacy"
NUMBER = "3nV8hQwTz6JbKe2RmXyPfA"
VERIFY_URL = f"https://certificates.example.edu/verify/{NUMBER}"


class Scene(NamedTuple):
    template: str
    values: dict[str, Any]
    whole: bool = False
    """A page of its own; else a fragment that stands in the panel."""


Scenes = Iterator[tuple[str, Scene]]

FRESH = pages.Freshness(
    "the gradebook",
    "It shows this tool the columns that were opened to it, and nothing of discussions or notes.",
    NOW,
)
STALE = replace(
    FRESH,
    as_of=NOW - timedelta(days=2, hours=3),
    stale_because="Nothing newer could be read: the learning platform does not answer. It is tried every 15 minutes.",
)

Row = pages.RequirementRow
PEER_REVIEW = "Peer review of a classmate’s data visualisation, with a written justification of every mark"
ASSESSMENTS = pages.Requirement(
    "Each assessment at 70 % or more",
    False,
    "5 of 7",
    (
        Row("Quiz 1: Reading a chart", "reached", "82 %", "70 %", "85 %"),
        Row("Quiz 2: Samples and surveys", "reached", "91.5 %", "70 %", "85 %", True),
        Row("Lab report", "missing", "64.2 %", "70 %", "85 %"),
        Row(PEER_REVIEW, "reached", "100 %", "70 %", "85 %", True),
        Row("Essay", "ungraded", "", "70 %", "85 %"),
        Row("Field trip", "excused"),
        Row("Project", "reached", "78 %", "70 %", "85 %"),
        Row("اختبار البيانات", "reached", "70 %", "70 %", "85 %"),
    ),
)
SAFETY = pages.Requirement(
    "Confirmed by an instructor", True, "confirmed", note="Attended the laboratory safety briefing."
)
POSTS = pages.Requirement(
    "At least 3 discussion posts",
    False,
    "2 of 3",
    (Row("Discussion posts so far", "missing", "2", "3", "5"),),
    note="Replies count too.",
    is_count=True,
)
NOTES = pages.Requirement(
    "At least 1 shared note",
    True,
    "1 of 1",
    (Row("Shared notes so far", "reached", "4", "1", "4", True),),
    note="A note counts once it is shared with others.",
    is_count=True,
)
AVERAGE = pages.Requirement(
    "Average of 6 assessments at 75 % or more",
    False,
    "69.9 %",
    (
        Row("Quiz 1", "reached", "82 %"),
        Row("Quiz 2", "missing", "57.8 %"),
        Row("Essay", "ungraded"),
        Row("Field trip", "excused"),
    ),
    note="A missing score counts as 0.",
)
ALL_MET = replace(
    ASSESSMENTS,
    reached=True,
    progress="7 of 7",
    rows=tuple(
        replace(row, status="reached", score=row.score if row.status == "reached" else "86 %")
        for row in ASSESSMENTS.rows
        if row.status != "excused"
    ),
)

IN_PROGRESS = pages.LearnerPage(
    TITLE,
    COURSE,
    FRESH,
    headline="5 of 7 assessments at 70 % or more",
    next_step="“Lab report” needs 70 %, you have 64.2 %.",
    ring=pages.Ring((71, 100)),
    requirements=(ASSESSMENTS, SAFETY),
    about=(
        "Everybody who reaches 70 % in each assessment earns it; from 85 % in each, with distinction.",
        "An instructor looks at it before it is awarded.",
        "Nothing is awarded before 15 December 2026.",
    ),
)
COMPLETE = replace(
    IN_PROGRESS,
    headline="All 7 assessments at 70 % or more",
    next_step="",
    ring=pages.Ring((100, 100)),
    requirements=(ALL_MET, SAFETY),
)
EARNED = pages.Earned(
    "completion", date(2026, 11, 21), NUMBER, VERIFY_URL, "https://www.linkedin.com/profile/add?startTask=CERT"
)
BY_AVERAGE = replace(
    IN_PROGRESS,
    headline="Your average is 69.9 %, 75 % is needed",
    next_step="“Essay” is not graded yet.",
    requirements=(AVERAGE,),
    ring=None,
)
POSTING = replace(
    IN_PROGRESS,
    headline="5 of 7 assessments at 70 % or more · 2 of 3 discussion posts · 4 shared notes, 1 needed",
    ring=pages.Ring((71, 66, 100)),
    requirements=(ASSESSMENTS, POSTS, NOTES),
)
JUST_STARTED = replace(
    IN_PROGRESS,
    ring=pages.Ring((0,), "0/7"),
    requirements=(ASSESSMENTS,),
    headline="0 of 7 assessments at 70 % or more",
    next_step="Nothing is graded yet.",
)


MISSING = (
    "Your name is not known here. You can earn the certificate; its document waits until it is.",
    "Your e-mail address is not known here, so no mail can be sent to you: look here for news.",
)


def learner_scenes() -> Scenes:
    bare = pages.LearnerPage("Certificate", COURSE, FRESH)
    reason = "The essay was handed in after the deadline.\nA second version may be handed in until 10 December."
    closed = pages.Notice("info", "This certificate is closed: nothing more is awarded. What was earned stays valid.")
    shown = {
        "in-progress": IN_PROGRESS,
        "average": BY_AVERAGE,
        "posting": POSTING,
        "stale": replace(IN_PROGRESS, freshness=STALE),
        "just-started": JUST_STARTED,
        "waiting": replace(COMPLETE, card=pages.Waiting("completion", NOW - timedelta(days=1))),
        "earned": replace(COMPLETE, card=EARNED),
        "earned-by-hand": replace(
            IN_PROGRESS,
            card=EARNED,
            headline="Awarded by an instructor. By the scores: 5 of 7 assessments at 70 % or more",
            next_step="",
            ring=learner.EARNED_RING,
        ),
        "earned-distinction": replace(COMPLETE, card=replace(EARNED, level="distinction")),
        "earned-distinction-pending": replace(COMPLETE, card=replace(EARNED, distinction_pending_since=NOW)),
        "earned-distinction-denied": replace(COMPLETE, card=replace(EARNED, distinction_denied=True)),
        "earned-document-waits": replace(COMPLETE, card=replace(EARNED, document_ready=False)),
        "denied": replace(COMPLETE, card=pages.Denied(NOW, reason)),
        "revoked": replace(COMPLETE, card=pages.Revoked(NOW, "It was issued to the wrong person.")),
        "no-achievement": replace(bare, card=pages.NothingYet("no_achievement")),
        "waiting-for-sync": replace(bare, title=TITLE, card=pages.NothingYet("waiting_for_sync")),
        "no-snapshot": replace(bare, freshness=replace(FRESH, as_of=None), card=pages.NothingYet("no_snapshot")),
        "closed": replace(IN_PROGRESS, notice=closed),
        "off": replace(IN_PROGRESS, notice=learner.OFF, next_step=""),
        "nameless": replace(IN_PROGRESS, missing=MISSING),
        "no-role": replace(bare, title=TITLE, card=pages.NothingYet("no_role")),
        "test-student": replace(IN_PROGRESS, notice=learner.TEST_STUDENT, headline="", next_step="", ring=None),
        "test-student-without-certificate": replace(
            bare, card=pages.NothingYet("no_achievement"), notice=learner.TEST_STUDENT
        ),
    }
    for name, page in shown.items():
        yield f"learner-{name}", Scene("panel/learner.html", {"page": page})


HEADER = instructor_pages.Header(TITLE, COURSE, "open", FRESH, pending=12)
NO_RULE = replace(HEADER, title="Certificate", status="none", pending=0)
ASSISTANT = replace(HEADER, may_edit=False, may_decide=False)
Other = instructor_pages.OtherCertificate
SEVERAL = replace(
    HEADER,
    about="2",
    choices=(
        Other("2", TITLE, "open", 12),
        Other("5", "Laboratory safety, for all who work with chemicals in the basement", "draft"),
        Other("7", "شهادة في تحليل البيانات", "closed"),
    ),
)
Need = instructor_pages.Need
Step = instructor_pages.FunnelStep
FINDINGS = (
    Finding(True, "Moodle 4.1.10 (Build: 20240422) answers and knows the token as the user “wsservice”."),
    Finding(
        False,
        "Its external service lacks mod_forum_get_forum_discussions.",
        "Moodle's administrator adds them under Site administration, Server, External services.",
    ),
    Finding(True, "The gradebook opens: 12 columns, 30 learners."),
)
Sync = instructor_pages.SyncStatus
OVERVIEW = instructor_pages.OverviewPage(
    HEADER,
    needs=(
        Need(
            "waiting",
            "12 certificates wait for your approval, 3 of them with distinction.",
            "Review 12",
            "/panel/people?state=waiting",
        ),
        Need(
            "failed",
            "2 people earned it, but would not now: scores fell, or the rule was changed. It stays theirs.",
            "Look at 2",
            "/panel/people?flag=no_longer_met",
        ),
        Need(
            "info",
            "1 person was denied and would qualify now.",
            "Look at 1",
            "/panel/people?flag=now_meets_completion",
        ),
    ),
    funnel=(
        Step("Learners in the course", 212, 212),
        Step("Graded at least once", 198, 212),
        Step("One step away", 41, 212, "“Lab report” is missing for 29 of them"),
        Step("Waiting for approval", 12, 212),
        Step("Earned", 70, 212, "18 with distinction"),
    ),
    sync=Sync("done", "212 learners, 12 columns, 2,304 results, in 3 seconds.", at=NOW),
)
SYNCING = Sync("running", "Reading results: 4 of 12 columns", done=4, total=12)
SYNC_FAILED = Sync(
    "failed",
    "the platform answered “403 Forbidden” to the list of members.",
    "Ask the administrator of your learning platform to switch on names and roles for this tool.",
    at=NOW,
)
SYNC_PAUSED = Sync(
    "paused", "The learning platform asked to be left alone for a while. Reading goes on by itself.", at=NOW
)
SYNC_HELD = Sync(
    "held",
    "67 of 212 learners are missing from what was read.",
    "Look into the course’s list of participants first; nothing is decided from this reading until you accept it.",
    at=NOW,
)


UNTOLD = (
    "The platform does not tell the name of 3 learners. They can earn a certificate; its document waits until a name "
    "is known.",
    "It tells no e-mail address of 212 learners: no mail can be sent to them, and they find their certificates here.",
)
OFFER = instructor_pages.TakeOverOffer("Introduction to Data Literacy, spring 2026", (TITLE, "Laboratory safety"))
PLACING = placing.PlacingPage(
    COURSE,
    (
        placing.Choice("all", "Certificates"),
        placing.Choice("2", TITLE, "open"),
        placing.Choice("5", "Laboratory safety", "draft"),
        placing.Choice("7", "شهادة في تحليل البيانات", "closed"),
    ),
)


def placing_scenes() -> Scenes:
    yield "placing", Scene("panel/placing.html", {"page": PLACING})
    only_all = replace(PLACING, choices=PLACING.choices[:1])
    yield "placing-without-certificate", Scene("panel/placing.html", {"page": only_all})
    handed = {"action": "https://lms.example.edu/deep_links?course=1&key=2", "token": "a.b.c"}
    yield "placed", Scene("panel/placed.html", handed, whole=True)


MAPPED = instructor_pages.Mapped(
    "Moodle’s gradebook",
    pairs=(("Quiz 1: Reading a chart", "Quiz 1: Reading a chart"), ("Lab report", "Laboratory report, final version")),
    new=("Essay", "مقال"),
    gone=("Standalone column",),
    unknown=("Zoë Ångström", "محمد عبد الله", "and 3 others"),
    limits="It sees the learners of one group only.",
)
Connection = instructor_pages.ConnectionStatus
BROKEN = "Canvas does not accept this connection any more: it has been withdrawn there, or its owner has left."
CONNECTIONS = {
    "open": Connection(may_change=True, is_used=False),
    "assistant": Connection(may_change=False, is_used=False),
    "connected": Connection(may_change=True, is_used=True, since=NOW, by="Dr. Ada Chen"),
    "not-used": Connection(may_change=True, is_used=False, since=NOW, by="Dr. Ada Chen"),
    "platform": Connection(may_change=True, is_used=True, is_for_platform=True),
    "broken": Connection(may_change=True, is_used=True, since=NOW, broken_because=BROKEN),
    "broken-platform": Connection(may_change=True, is_used=True, is_for_platform=True, broken_because=BROKEN),
}


def upload_scenes() -> Scenes:
    headings = (
        "Student",
        "ID",
        "SIS User ID",
        "Quiz 1: Reading a chart (11)",
        "مقال (12)",
        "Project (14)",
        "Final Score",
    )
    column = instructor_pages.UploadColumn
    file = instructor_pages.UploadedFile(
        id="x",
        name="2026-11-25T1042_Grades-DL-101.csv",
        kind="an export of Canvas’ gradebook",
        lines=3,
        matched=2,
        roster_problem=(
            "The platform could not say who is in the course now. The learning platform asked us to slow down. "
            "The file is compared with those who were in it at the last reading."
        ),
        learners=4,
        missing=("Zoë Ångström", "محمد عبد الله"),
        unmatched=("Student, Test (line 6): nobody in the course has this id",),
        ids=(
            instructor_pages.IdChoice("platform_id", "The platform’s number of the person (Canvas: ID)", 1),
            instructor_pages.IdChoice("sourced_id", "The institution’s id of the person (SIS User ID, ID number)", 2),
            instructor_pages.IdChoice("user_id", "The id by which the platform launches the person (LTI sub)", None),
        ),
        headings=headings,
        columns=(
            column(3, headings[3], "20"),
            column(4, headings[4], "100"),
            column(5, headings[5], "", "posted by hand: the file does not say which of its scores learners may see"),
            column(6, headings[6], "", "worked out by Canvas, or not graded"),
        ),
        shown=(3, 4),
        first=(
            instructor_pages.UploadLine(3, "Byron, Ada", True, ("17.40", "EX")),
            instructor_pages.UploadLine(4, "Nguyễn Thị Minh Khai", True, ("", "104.50")),
            instructor_pages.UploadLine(6, "Student, Test", False, ("20.00", "100.00")),
        ),
    )
    wrong = ("“Project”: “many” is no number of points.", "Lines 3 and 4 are about the same person.")
    shown = {
        "empty": instructor_pages.UploadPage(HEADER),
        "refused": instructor_pages.UploadPage(HEADER, ("The file is empty.",)),
        "preview": instructor_pages.UploadPage(HEADER, (), file),
        "problems": instructor_pages.UploadPage(HEADER, wrong, file),
    }
    for name, page in shown.items():
        yield f"upload-{name}", Scene("panel/upload.html", {"page": page})


def overview_scenes() -> Scenes:
    shown = {
        "needs": OVERVIEW,
        "calm": replace(OVERVIEW, needs=(), header=replace(HEADER, pending=0)),
        "syncing": replace(OVERVIEW, sync=SYNCING),
        "sync-failed": replace(OVERVIEW, sync=SYNC_FAILED, header=replace(HEADER, freshness=STALE)),
        "sync-held": replace(OVERVIEW, sync=SYNC_HELD),
        "sync-paused": replace(OVERVIEW, sync=SYNC_PAUSED),
        "no-rule": instructor_pages.OverviewPage(NO_RULE),
        "several": replace(OVERVIEW, header=SEVERAL, assistants_may_approve=True),
        "off": replace(OVERVIEW, header=replace(HEADER, certificates_on=False)),
        "nameless": replace(OVERVIEW, missing=UNTOLD),
        "assistant": replace(OVERVIEW, header=ASSISTANT),
        "copy": instructor_pages.OverviewPage(NO_RULE, offer=OFFER),
        "copy-unread": instructor_pages.OverviewPage(NO_RULE, offer=replace(OFFER, waits_for_grades=True)),
        "other-source": replace(
            OVERVIEW,
            sync=replace(SYNC_PAUSED, may_stop=True),
            other_sources=(instructor_pages.OtherSource("moodle", "Moodle’s gradebook"),),
        ),
        "uploaded": replace(OVERVIEW, may_upload=True, sync=replace(OVERVIEW.sync, is_brought=True)),
        **{f"canvas-{name}": replace(OVERVIEW, connection=how) for name, how in CONNECTIONS.items()},
    }
    for name, page in shown.items():
        yield f"overview-{name}", Scene("panel/overview.html", {"page": page})
    yield from upload_scenes()
    lacking = tuple(f"{finding.text} {finding.guidance}" for finding in FINDINGS if not finding.is_good)
    for name, problems in {"connected": (), "connected-with-problems": lacking}.items():
        yield name, Scene("panel/connected.html", {"problems": problems}, whole=True)
    yield "source-check", Scene("panel/_source_check.html", {"heading": "Overview", "findings": FINDINGS})
    reason = "It has 145 of the 212 learners that the one before had."
    loss = replace(PREVIEW, newly=MOVE(0))
    held = {
        "open": ((TITLE, loss),),
        "flood": ((TITLE, replace(PREVIEW, is_over_brake=True, awards=57)),),
        "nothing-open": (),
    }
    for name, previews in held.items():
        page = instructor_pages.HeldPage(HEADER, 7, NOW, reason, previews)
        yield f"held-{name}", Scene("panel/held.html", {"page": page})
    trial = "This is a trial of Moodle’s gradebook as the source of the grades; it decides once you accept it."
    for name, mapped in {"trial": MAPPED, "trial-equal": replace(MAPPED, new=(), gone=(), unknown=())}.items():
        page = instructor_pages.HeldPage(HEADER, 7, NOW, trial, ((TITLE, PREVIEW),), mapped)
        yield f"held-{name}", Scene("panel/held.html", {"page": page})


COLUMNS = (
    ("Quiz 1: Reading a chart", "20"),
    ("Quiz 2: Samples and surveys", "17.5"),
    ("Lab report", "50"),
    ("Essay", "100"),
    ("Project", "40"),
)
ITEMS = tuple(
    instructor_pages.ItemChoice(f"item-{number}", label, maximum) for number, (label, maximum) in enumerate(COLUMNS)
)
GONE = instructor_pages.ItemChoice("item-9", "Old quiz", "10", gone=True)
Criterion = instructor_pages.CriterionForm
EACH = Criterion("each_assessment", "70", "85")
FIVE_POSTS = Criterion("discussion_posts", n="3", distinction="5")
NOTES_FORM = Criterion("class_notes", n="0", errors={"n": "“How many” (n) must be a whole number, 1 or more."})
NOT_TOLD = uncounted(Kind.DISCUSSION_POSTS)
BRIEFING = Criterion("attestation", label="Attended the laboratory safety briefing")
COUNTS = (0, 0, 1, 0, 2, 1, 3, 4, 6, 9, 12, 17, 21, 28, 26, 24, 22, 19, 11, 6)
CHART = charts.Distribution(
    "Learners by their weakest required assessment, in per cent",
    tuple(charts.Bin(5 * number, 5 * number + 5, count) for number, count in enumerate(COUNTS)),
    70,
    85,
)
RULES = instructor_pages.RulesPage(
    HEADER,
    "A learner earns it when every one of the 5 assessments reaches 70 %; with distinction from 85 %. "
    "An instructor approves each certificate.",
    TITLE,
    (EACH, BRIEFING),
    ITEMS,
    left_out=(
        instructor_pages.LeftOut("Course total", "a total of other columns"),
        instructor_pages.LeftOut("Bonus exercise", "does not count towards the final grade"),
    ),
    charts=(CHART,),
    version=4,
)
NAMES = ("Ada Lovelace", "Nguyễn Thị Minh Khai", "עדה יונת", "Zoë Ångström", "王贞仪")
MOVE = instructor_pages.Movement
PREVIEW = instructor_pages.Preview(
    MOVE(7, NAMES), MOVE(1, ("Tycho Brahe",)), MOVE(2, ("Hypatia", "王贞仪")), 202, approval=True, seen="f00d"
)
WRONG = (
    Criterion(
        "n_of",
        "85",
        "70",
        "9",
        chosen=("item-0", "item-9"),
        errors={
            "distinction": "The bar for distinction is lower than the one for completion.",
            "n": "Only 2 assessments are chosen.",
            "items": "“Old quiz” is no longer in the gradebook.",
        },
    ),
    Criterion("average", errors={"completion": "Enter a percentage between 0 and 100."}),
    Criterion("attestation", errors={"label": "Say what is confirmed."}),
)
RULE_ERRORS = {
    "title": "Give it a title.",
    "award_from": "That is not a day.",
    "criteria": "Correct what is marked below. Nothing was changed.",
}


def rules_scenes() -> Scenes:
    flood = replace(PREVIEW, newly=MOVE(57, NAMES), approval=False, awards=57, is_over_brake=True)
    no_scores = charts.Distribution("Learners by their average, in per cent", (), 60)
    impossible = "Nobody can earn this: the gradebook holds no assessment that can be required."
    shown = {
        "open": RULES,
        "preview": replace(RULES, preview=PREVIEW),
        "over-the-brake": replace(RULES, header=replace(HEADER, status="draft"), approval=False, preview=flood),
        "errors": replace(RULES, criteria=WRONG, items=(*ITEMS, GONE), title="", errors=RULE_ERRORS),
        "counted": replace(RULES, criteria=(EACH, FIVE_POSTS, NOTES_FORM)),
        "uncounted": replace(
            RULES,
            criteria=(FIVE_POSTS,),
            uncounted={"discussion_posts": NOT_TOLD},
            preview=replace(PREVIEW, newly=MOVE(0), warnings=(NOT_TOLD,)),
        ),
        "first": instructor_pages.RulesPage(NO_RULE, "", TITLE, (EACH,), ITEMS),
        "no-items": replace(RULES, items=(), charts=(no_scores,), warnings=(impossible,)),
        "assistant": replace(RULES, header=ASSISTANT),
        "another": instructor_pages.RulesPage(
            replace(SEVERAL, title="New certificate", status="none", about="new", pending=0), "", TITLE, (EACH,), ITEMS
        ),
    }
    for name, page in shown.items():
        yield f"rules-{name}", Scene("panel/rules.html", {"page": page})
