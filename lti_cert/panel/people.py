"""The table of people: who stands where, how far everybody is, and what may be done. One page of it at a time, in a
number of statements that does not depend on how many people there are.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import contains_eager

from lti_cert.achievements import saving
from lti_cert.achievements.criteria import Criterion, Kind, Outcome, levels, offers_distinction
from lti_cert.achievements.models import Achievement, Attestation
from lti_cert.certificates import approval, evaluation, reading
from lti_cert.certificates.lifecycle import Standing, State
from lti_cert.certificates.models import FLAGS, Certificate, level_of, standing_of
from lti_cert.core.database import db, id_set
from lti_cert.core.errors import NotFound
from lti_cert.courses.models import Member
from lti_cert.panel import forms, requirements
from lti_cert.panel.instructor_pages import DECISIONS, PeopleFilter, PeoplePage, PersonRow
from lti_cert.panel.pages import Notice
from lti_cert.panel.place import Place, header

PER_PAGE = 50
MOST_SELECTED = 5000
"""So many fit one form; more are decided in several goes."""

STATES = ("waiting", *(state for state in State if state is not State.PENDING))
"""One filter for all that waits for approval: a certificate, or distinction beside one."""
FLAG_NAMES = ("held", *FLAGS)
BY_PROGRESS = ("progress", "-progress")
SORTS = (*reading.SORTS, *BY_PROGRESS)


class NoSuchPage(NotFound):
    message = "The list is shorter than that."
    guidance = "Go back to its first page."


def read_filter(form: forms.Form) -> PeopleFilter:
    """:raises InputRejected: it asks for what there is not."""
    return PeopleFilter(
        state=forms.choice(form, "state", STATES, default=""),
        flag=forms.choice(form, "flag", FLAG_NAMES, default=""),
        q=forms.text(form, "q", longest=100),
        sort=forms.choice(form, "sort", SORTS, default="name"),
        page=forms.whole_number(form, "page", default=1),
    )


def page_for(place: Place, wanted: PeopleFilter, notice: Notice | None = None) -> PeoplePage:
    """After something was done, which `notice` says, the list may be shorter: its last page stands for those beyond.

    :raises NoSuchPage
    """
    achievement = place.achievement
    if achievement is None:
        return PeoplePage(header(place, notice), (), wanted, matching=0, total=0)
    counts = reading.counts(achievement.id)
    found = _matching(achievement, wanted)
    pages = max(1, -(-len(found) // PER_PAGE))
    if notice:
        wanted = replace(wanted, page=max(1, min(wanted.page, pages)))
    if not 1 <= wanted.page <= pages:
        raise NoSuchPage(f"page {wanted.page} of {pages}")
    here = found[(wanted.page - 1) * PER_PAGE : wanted.page * PER_PAGE]
    criteria = saving.rule_of(achievement).criteria
    fits_of = _fits(achievement, criteria, [row.member_id for row in found], place.decisions)
    rows = _rows_of(achievement, [row.id for row in here], fits_of)
    return PeoplePage(
        header=header(place, notice, counts=counts),
        rows=tuple(rows[row.id] for row in here),
        filter=wanted,
        matching=len(found),
        total=sum(counts[state] for state in State),
        pages=pages,
        sorts=SORTS,
        state_counts={state: counts[state] for state in STATES},
        flag_counts={flag: counts[flag] for flag in FLAG_NAMES},
        all_matching=_all_of(found, fits_of) if pages > 1 and place.decisions and len(found) <= MOST_SELECTED else {},
        attestation=attestation_of(criteria),
        has_distinction=offers_distinction(criteria),
        decisions=tuple(action for action in DECISIONS if action in place.decisions),
    )


def _matching(achievement: Achievement, wanted: PeopleFilter) -> Sequence[Any]:
    """As `reading.references` gives them, all that match, in order."""
    sort = "name" if wanted.sort in BY_PROGRESS else wanted.sort
    query = reading.references(achievement.id, state=wanted.state, flag=wanted.flag, search=wanted.q, sort=sort)
    found = db.session.execute(query).all()
    if wanted.sort not in BY_PROGRESS:
        return found
    outcome_of = evaluation.outcomes(achievement, Member.course_id == achievement.course_id)
    shares = {row.member_id: requirements.share(outcome_of(row.member_id)) for row in found}
    return sorted(found, key=lambda row: shares[row.member_id], reverse=wanted.sort == "-progress")


def _all_of(found: Sequence[Any], fits_of: "_FitsOf") -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for row in found:
        certificate_id, version, member_id, email, *standing = row
        fits = " ".join(fits_of(member_id, email, standing_of(*standing)))
        grouped.setdefault(fits, []).append(f"{certificate_id}:{version}")
    return grouped


def row_of(certificate: Certificate, decisions: Collection[str]) -> PersonRow:
    """With those of these decisions that may be made about it."""
    achievement = certificate.achievement
    fits_of = _fits(achievement, saving.rule_of(achievement).criteria, [certificate.member_id], decisions)
    return _rows_of(achievement, [certificate.id], fits_of)[certificate.id]


def _rows_of(achievement: Achievement, certificate_ids: Sequence[int], fits_of: "_FitsOf") -> dict[int, PersonRow]:
    """By certificate."""
    certificates = db.session.scalars(
        select(Certificate)
        .join(Certificate.member)
        .options(contains_eager(Certificate.member))
        .where(Certificate.achievement_id == achievement.id, Certificate.id.in_(id_set(certificate_ids)))
    ).all()
    member_ids = [certificate.member_id for certificate in certificates]
    scope = and_(Member.course_id == achievement.course_id, Member.id.in_(id_set(member_ids)))
    outcome_of = evaluation.outcomes(achievement, scope)
    return {
        one.id: _row(one, outcome_of(one.member_id), fits_of(one.member_id, one.member.email, one.standing))
        for one in certificates
    }


def _row(certificate: Certificate, outcome: Outcome, fits: tuple[str, ...]) -> PersonRow:
    return PersonRow(
        certificate_id=str(certificate.id),
        version=certificate.version,
        name=certificate.member.name,
        state=State(certificate.state),
        level=level_of(certificate.level),
        pending_level=level_of(certificate.pending_level),
        progress=requirements.in_brief(outcome),
        flags=tuple(certificate.flags),
        since=certificate.moved_at if certificate.version else None,
        fits=fits,
    )


_FitsOf = Callable[[int, str, Standing], tuple[str, ...]]
"""What may be done with the certificate of a member with this address that stands so; "mail" where she can be told."""


def _fits(
    achievement: Achievement, criteria: Sequence[Criterion], member_ids: Sequence[int], decisions: Collection[str]
) -> _FitsOf:
    ticks = {action for action in approval.TICKS if action in decisions}
    if ticks and not has_attestation(criteria):
        ticks.clear()
    ticked = _ticked(achievement, member_ids) if ticks else set()
    offered = levels(criteria)

    @cache
    def possible(standing: Standing) -> tuple[str, ...]:
        # Of what is held, to approve and to confirm are the same; one word is enough.
        unwanted = {"approve"} if standing.is_held else set()
        found = approval.possible(standing, offered)
        return tuple(action for action in found if action in decisions and action not in unwanted)

    def fits(member_id: int, email: str, standing: Standing) -> tuple[str, ...]:
        tick = {"unattest" if member_id in ticked else "attest"} & ticks
        mail = ("mail",) if email else ()
        return (*possible(standing), *tick, *mail)

    return fits


def _ticked(achievement: Achievement, member_ids: Sequence[int]) -> set[int]:
    query = select(Attestation.member_id).where(
        Attestation.achievement_id == achievement.id, Attestation.member_id.in_(id_set(member_ids))
    )
    return set(db.session.scalars(query))


def has_attestation(criteria: Sequence[Criterion]) -> bool:
    return any(criterion.kind is Kind.ATTESTATION for criterion in criteria)


def attestation_of(criteria: Sequence[Criterion]) -> str:
    """What an instructor ticks; empty where the rule asks for no tick."""
    labels = [criterion.label for criterion in criteria if criterion.kind is Kind.ATTESTATION]
    return (labels[0] or "Confirmed by an instructor") if labels else ""
