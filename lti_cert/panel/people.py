"""The table of people: who stands where, how far everybody is, and what may be done. One page of it at a time, in a
number of statements that does not depend on how many people there are.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import contains_eager

from lti_cert.achievements import saving
from lti_cert.achievements.criteria import Criterion, Kind, Outcome
from lti_cert.achievements.models import Achievement, Attestation
from lti_cert.certificates import approval, evaluation, reading
from lti_cert.certificates.lifecycle import State
from lti_cert.certificates.models import FLAGS, Certificate, level_of
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

STATES = ("waiting", *State)
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
    """:raises NoSuchPage"""
    achievement = place.achievement
    if achievement is None:
        return PeoplePage(header(place, notice), (), wanted, matching=0, total=0)
    counts = reading.counts(achievement.id)
    found = _matching(achievement, wanted)
    pages = max(1, -(-len(found) // PER_PAGE))
    if not 1 <= wanted.page <= pages:
        raise NoSuchPage(f"page {wanted.page} of {pages}")
    here = found[(wanted.page - 1) * PER_PAGE : wanted.page * PER_PAGE]
    rows = rows_of(achievement, [row.id for row in here], place.decisions)
    criteria = saving.rule_of(achievement).criteria
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
        all_matching=tuple(f"{row.id}:{row.version}" for row in found) if len(found) <= MOST_SELECTED else (),
        attestation=attestation_of(criteria),
        decisions=tuple(action for action in DECISIONS if action in place.decisions),
    )


def _matching(achievement: Achievement, wanted: PeopleFilter) -> Sequence[Any]:
    """Id, version and member of all that match, in order."""
    sort = "name" if wanted.sort in BY_PROGRESS else wanted.sort
    query = reading.references(achievement.id, state=wanted.state, flag=wanted.flag, search=wanted.q, sort=sort)
    found = db.session.execute(query).all()
    if wanted.sort not in BY_PROGRESS:
        return found
    outcome_of = evaluation.outcomes(achievement, Member.course_id == achievement.course_id)
    shares = {row.member_id: requirements.share(outcome_of(row.member_id)) for row in found}
    return sorted(found, key=lambda row: shares[row.member_id], reverse=wanted.sort == "-progress")


def rows_of(
    achievement: Achievement, certificate_ids: Sequence[int], decisions: Collection[str]
) -> dict[int, PersonRow]:
    """By certificate, with those of these decisions that may be made about each."""
    certificates = db.session.scalars(
        select(Certificate)
        .join(Certificate.member)
        .options(contains_eager(Certificate.member))
        .where(Certificate.achievement_id == achievement.id, Certificate.id.in_(id_set(certificate_ids)))
    ).all()
    member_ids = [certificate.member_id for certificate in certificates]
    scope = and_(Member.course_id == achievement.course_id, Member.id.in_(id_set(member_ids)))
    outcome_of = evaluation.outcomes(achievement, scope)
    actions_of = _actions(achievement, member_ids)
    return {
        one.id: _row(one, outcome_of(one.member_id), tuple(action for action in actions_of(one) if action in decisions))
        for one in certificates
    }


def _row(certificate: Certificate, outcome: Outcome, actions: tuple[str, ...]) -> PersonRow:
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
        actions=actions,
    )


def _actions(achievement: Achievement, member_ids: Sequence[int]) -> Callable[[Certificate], tuple[str, ...]]:
    """What may be done with a certificate, ticks that the rule asks for included; the first is the one offered."""
    if not has_attestation(saving.rule_of(achievement).criteria):
        return lambda one: _ordered(_decisions(one))
    ticked = set(
        db.session.scalars(
            select(Attestation.member_id).where(
                Attestation.achievement_id == achievement.id, Attestation.member_id.in_(id_set(member_ids))
            )
        )
    )
    return lambda one: _ordered([*_decisions(one), "unattest" if one.member_id in ticked else "attest"])


def _decisions(certificate: Certificate) -> Sequence[str]:
    possible = approval.possible(certificate.standing)
    # Of what is held, to approve and to confirm are the same; one word is enough.
    return [action for action in possible if not (action == "approve" and certificate.is_held)]


def _ordered(actions: Sequence[str]) -> tuple[str, ...]:
    """Nobody denies or revokes because that stood first."""
    return tuple(sorted(actions, key={"deny", "revoke"}.__contains__))


def has_attestation(criteria: Sequence[Criterion]) -> bool:
    return any(criterion.kind is Kind.ATTESTATION for criterion in criteria)


def attestation_of(criteria: Sequence[Criterion]) -> str:
    """What an instructor ticks; empty where the rule asks for no tick."""
    labels = [criterion.label for criterion in criteria if criterion.kind is Kind.ATTESTATION]
    return (labels[0] or "Confirmed by an instructor") if labels else ""
