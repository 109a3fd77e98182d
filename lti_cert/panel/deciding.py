"""Carry out what an instructor decides on the people she selected, and say how it went."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from lti_cert.achievements.criteria import Level
from lti_cert.certificates import approval
from lti_cert.certificates.approval import Decided
from lti_cert.certificates.lifecycle import State
from lti_cert.certificates.models import Certificate
from lti_cert.core.database import db, id_set
from lti_cert.core.errors import NotAllowed, NotFound
from lti_cert.courses.models import Member
from lti_cert.panel import forms
from lti_cert.panel.pages import Notice
from lti_cert.panel.place import Place
from lti_cert.panel.wording import counted, named

ACTIONS = (*approval.ACTIONS, *approval.TICKS)

_DONE: Mapping[str, str] = {
    "approve": "{certificates} approved: {names}.",
    "confirm_held": "{certificates} confirmed: {names}.",
    "deny": "{certificates} denied: {names}.",
    "grant": "{certificates} granted: {names}.",
    "revoke": "{certificates} revoked: {names}.",
    "reopen": "{certificates} opened again: {names}.",
    "reissue": "{certificates} issued again: {names}.",
    "attest": "Ticked for {people}: {names}. The rule is looked at again for them now.",
    "unattest": "The tick is taken back for {people}: {names}. The rule is looked at again for them now.",
}


def decide(place: Place, form: forms.Form) -> Notice:
    """In the caller's transaction.

    :raises InputRejected: the form cannot be carried out as it is.
    :raises NotAllowed: her role does not decide that.
    :raises NotFound: a certificate of another course is among those selected; nothing was done.
    """
    action = forms.choice(form, "action", ACTIONS)
    seen = forms.references(form, "certificate")
    certificates = _certificates(place, seen)
    if action not in place.decisions:
        raise NotAllowed(f"session {place.viewer.id} ({place.viewer.roles}) may not {action}")
    if action in approval.TICKS:
        return _tick(place, action, certificates)
    reason = forms.text(form, "reason", longest=approval.LONGEST_REASON)
    level = Level(forms.choice(form, "level", list(Level), default=Level.COMPLETION))
    outcomes = [
        approval.decide(
            same[0].achievement,
            action,
            {one.id: seen[one.id] for one in same},
            actor=place.actor,
            reason=reason,
            level=level,
            is_told=form.get("tell") == "yes",
        )
        for same in _by_achievement(certificates)
    ]
    return _reported(action, certificates, outcomes)


def _certificates(place: Place, seen: Mapping[int, int]) -> Sequence[Certificate]:
    found = db.session.scalars(
        select(Certificate)
        .join(Certificate.achievement)
        .join(Certificate.member)
        .options(contains_eager(Certificate.achievement), contains_eager(Certificate.member))
        .where(Certificate.id.in_(id_set(list(seen))))
        .order_by(Certificate.achievement_id, Member.folded_name, Certificate.id)
    ).all()
    foreign = set(seen) - {one.id for one in found if one.achievement.course_id == place.course.id}
    if foreign:
        raise NotFound(f"certificates {sorted(foreign)[:5]} in course {place.course.id}")
    return found


def _by_achievement(certificates: Sequence[Certificate]) -> list[list[Certificate]]:
    return [list(same) for _, same in groupby(certificates, key=lambda one: one.achievement_id)]


def _tick(place: Place, action: str, certificates: Sequence[Certificate]) -> Notice:
    for same in _by_achievement(certificates):
        members = [one.member for one in same]
        approval.attest(same[0].achievement, members, is_attested=approval.TICKS[action], actor=place.actor)
    return Notice("done", _said(action, certificates))


def _said(action: str, certificates: Sequence[Certificate]) -> str:
    count = len(certificates)
    return _DONE[action].format(
        certificates=counted(count, "certificate", "certificates"),
        people=counted(count, "person", "people"),
        names=_names(certificates),
    )


def _names(certificates: Sequence[Certificate]) -> str:
    return named([one.member.name or f"Member {one.member.user_id}" for one in certificates])


def _reported(action: str, certificates: Sequence[Certificate], outcomes: Sequence[Decided]) -> Notice:
    done, already, moved, impossible = (
        [one for one in certificates if any(one.id in getattr(outcome, name) for outcome in outcomes)]
        for name in ("done", "already", "moved_meanwhile", "not_possible")
    )
    details = []
    if already:
        details.append(f"Done before, by you: {_said(action, already)}")
    if moved:
        details.append(f"Skipped, since they have changed after you looked: {_names(moved)}.")
    for state, same in groupby(sorted(impossible, key=lambda one: one.state), key=lambda one: one.state):
        details.append(f"Left out, since they are {_STANDS[state]}: {_names(list(same))}.")
    text = _said(action, done) if done else details.pop(0) if already else "Nothing was changed."
    return Notice("done" if done or already else "waiting", text, tuple(details))


_STANDS: Mapping[str, str] = {
    State.NONE: "still in progress",
    State.PENDING: "waiting for approval",
    State.EARNED: "earned already",
    State.DENIED: "denied",
    State.REVOKED: "revoked",
}
