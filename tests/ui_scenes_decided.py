"""Made-up values for people, design and the public pages, one for each state."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from lti_cert.panel import instructor_pages, pages
from lti_cert.verification import pages as verification
from tests.ui_scenes import (
    ASSESSMENTS,
    ASSISTANT,
    COURSE,
    HEADER,
    NO_RULE,
    NOW,
    NUMBER,
    SAFETY,
    TITLE,
    VERIFY_URL,
    Scene,
    Scenes,
)

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)

Person = instructor_pages.PersonRow
Filter = instructor_pages.PeopleFilter
UNDECIDED: tuple[str, ...] = ("approve", "deny", "grant", "attest", "mail")
PEOPLE = (
    Person("101", 3, "Ada Lovelace", "pending", None, "distinction", "7 of 7", (), NOW, UNDECIDED),
    Person("102", 1, "Nguyễn Thị Minh Khai", "pending", None, "completion", "7 of 7", ("held",), NOW, UNDECIDED),
    Person(
        "103",
        7,
        "Zoë Ångström-Featherstonehaugh-Nguyễn",
        "earned",
        "completion",
        "distinction",
        "7 of 7",
        (),
        NOW,
        ("approve", "deny", "grant", "revoke", "reissue", "mail"),
    ),
    Person(
        "104",
        2,
        "עדה יונת",
        "earned",
        "distinction",
        None,
        "7 of 7",
        ("no_longer_met", "left_course"),
        NOW,
        ("revoke", "reissue"),
    ),
    Person("105", 2, "Tycho Brahe", "denied", None, None, "6 of 7", ("now_meets_completion",), NOW, ("reopen",)),
    Person("106", 9, "Hypatia", "revoked", "completion", None, "7 of 7", (), NOW, ("reopen",)),
    Person("107", 1, "王贞仪", "none", None, None, "5 of 7", (), NOW, ("grant", "deny", "attest")),
    Person("108", 1, "", "none", None, None, "0 of 7", (), None, ("grant", "deny", "attest")),
)
ALL_MATCHING = {
    fits: [person.reference for person in PEOPLE if " ".join(person.fits) == fits]
    for fits in sorted({" ".join(person.fits) for person in PEOPLE})
} | {"deny grant mail": [f"{number}:1" for number in range(109, 313)]}
PEOPLE_PAGE = instructor_pages.PeoplePage(
    HEADER,
    PEOPLE,
    Filter(),
    matching=212,
    total=212,
    pages=3,
    state_counts={"waiting": 13, "none": 123, "pending": 12, "earned": 70, "denied": 5, "revoked": 2},
    flag_counts={"held": 1, "no_longer_met": 2},
    sorts=("name", "-name", "state", "-state", "level", "-level", "progress", "-progress", "moved", "-moved"),
    all_matching=ALL_MATCHING,
    attestation="Safety briefing",
)
HISTORY = (
    instructor_pages.LogLine(NOW, "Reopened by Dr. Maria Chen", "New evidence was handed in."),
    instructor_pages.LogLine(NOW - timedelta(days=3), "Denied by Dr. Maria Chen", "The essay was late."),
    instructor_pages.LogLine(NOW - timedelta(days=5), "Reached completion, and waited for approval"),
)
OPENED = instructor_pages.EvidenceRow(
    PEOPLE[0], (ASSESSMENTS, SAFETY), HISTORY, 4, attestation="Safety briefing", email="ada@example.edu"
)
DECIDED = pages.Notice(
    "done",
    "35 certificates approved: Ada Lovelace, Hypatia, Tycho Brahe, Zoë Ångström, 王贞仪 and 30 more.",
    ("Skipped, since they have changed after you looked: עדה יונת.",),
)


def people_scenes() -> Scenes:
    shown = {
        "all": PEOPLE_PAGE,
        "decided": replace(
            PEOPLE_PAGE, header=replace(HEADER, notice=DECIDED), filter=Filter(state="waiting", sort="-name", page=2)
        ),
        "no-match": replace(PEOPLE_PAGE, rows=(), matching=0, filter=Filter(q="Zzz")),
        "nobody": replace(PEOPLE_PAGE, rows=(), matching=0, total=0, pages=1),
        "no-rule": replace(PEOPLE_PAGE, header=NO_RULE, rows=(), matching=0, total=0, pages=1),
        "assistant": replace(PEOPLE_PAGE, header=ASSISTANT, pages=1),
    }
    for name, page in shown.items():
        yield f"people-{name}", Scene("panel/people.html", {"page": page})
    yield "evidence", Scene("panel/evidence.html", {"page": OPENED, "heading": "Ada Lovelace"})
    earned = replace(OPENED, person=PEOPLE[3], credential_id=NUMBER, as_of=NOW)
    yield "evidence-earned", Scene("panel/evidence.html", {"page": earned, "heading": "Ada"})
    nameless = replace(earned, document_waits_for="Your learning platform has not told us your name yet.")
    yield "evidence-document-waits", Scene("panel/evidence.html", {"page": nameless, "heading": "Nobody"})
    unseen = replace(OPENED, person=PEOPLE[7], requirements=(), history=(), may_decide=False)
    yield "evidence-empty", Scene("panel/evidence.html", {"page": unseen, "heading": "Nobody"})


REJECTED_DESIGN = pages.Notice(
    "failed", "Nothing was saved. Please correct this:", ("The logo is not a PNG or JPEG picture that can be read.",)
)
DESIGN = instructor_pages.DesignPage(
    HEADER,
    "has completed a course of 60 hours",
    "University of Example",
    (instructor_pages.Signatory("Prof. Maria Chen", "Head of the department"),),
    has_distinction=True,
)


def design_scenes() -> Scenes:
    drawn = instructor_pages.DesignPreview(image_url=PIXEL)
    undecorated = instructor_pages.DesignPreview(image_url=PIXEL, left_out="📘🏫")
    failed = instructor_pages.DesignPreview(failed_because="the logo cannot be read.")
    shown = {
        "first": DESIGN,
        "image": replace(DESIGN, logo_url=PIXEL, preview=drawn),
        "failed": replace(DESIGN, header=replace(HEADER, notice=REJECTED_DESIGN), preview=failed),
        "left-out": replace(DESIGN, preview=undecorated),
        "no-rule": replace(DESIGN, header=NO_RULE),
        "assistant": replace(DESIGN, header=ASSISTANT),
    }
    for name, page in shown.items():
        yield f"design-{name}", Scene("panel/design.html", {"page": page})


FACTS = verification.Facts(
    TITLE, COURSE, "distinction", "University of Example", date(2026, 11, 21), "Nguyễn Thị Minh Khai"
)
CHECKS = (
    verification.Check("The number is one that was issued here", "passed"),
    verification.Check("It has not been revoked or replaced", "passed"),
    verification.Check("The stored document is unchanged since it was issued", "passed", "SHA-256 9f86d081…b0f00a08"),
)
NOT_ALL = (CHECKS[0], replace(CHECKS[1], outcome="failed"), replace(CHECKS[2], outcome="not_applicable", detail=""))
FAULT = {
    "title": "Something went wrong on our side",
    "message": "",
    "guidance": "Your data is as it was. Try again in a minute; if it stays, tell the administrator the reference.",
    "problems": (),
    "status": 500,
}
REJECTED = FAULT | {"title": "Please correct this", "problems": ("The title is empty.", "That is not a day.")}


def public_scenes() -> Scenes:
    page = verification.VerificationPage
    shown = {
        "valid": page("valid", NUMBER, FACTS, checks=CHECKS),
        "name-hidden": page("valid", NUMBER, replace(FACTS, holder="", level="completion"), checks=CHECKS),
        "superseded": page("superseded", NUMBER, replace(FACTS, holder=""), checks=NOT_ALL),
        "revoked": page("revoked", NUMBER, FACTS, revoked_on=date(2026, 11, 22), checks=NOT_ALL),
        "erased": page("erased", NUMBER),
        "unknown": page("unknown", NUMBER),
    }
    for name, value in shown.items():
        yield f"verify-{name}", Scene("verification/credential.html", {"page": value}, whole=True)
    wrong = {"problem": "Enter the number of a certificate.", "entered": ""}
    yield "verify-form", Scene("verification/form.html", {}, whole=True)
    yield "verify-form-error", Scene("verification/form.html", wrong, whole=True)
    yield "front", Scene("verification/front.html", {}, whole=True)
    yield "fault", Scene("core/fault.html", FAULT, whole=True)
    yield "fault-input", Scene("core/fault.html", REJECTED, whole=True)
    yield "shell-loading", Scene("panel/shell.html", {}, whole=True)


HOLDER = verification.HolderPage(
    is_revoked=False,
    credential_id=NUMBER,
    facts=FACTS,
    has_document=True,
    waits_for="",
    verify_url=VERIFY_URL,
    linkedin_url="https://www.linkedin.com/profile/add?startTask=CERT",
)


def holder_scenes() -> Scenes:
    shown = {
        "distinction": HOLDER,
        "waiting": replace(HOLDER, has_document=False, waits_for="Your learning platform has not told us your name."),
        "revoked": replace(HOLDER, is_revoked=True, revoked_on=date(2026, 11, 22)),
    }
    for name, page in shown.items():
        values = {"page": page, "document_path": "/certificates/made-up/certificate.pdf"}
        yield f"holder-{name}", Scene("verification/holder.html", values, whole=True)


def decided_scenes() -> Iterator[tuple[str, Scene]]:
    yield from people_scenes()
    yield from design_scenes()
    yield from public_scenes()
    yield from holder_scenes()
