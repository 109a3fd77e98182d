"""What somebody has under an account that the platform has merged into another one becomes hers under that one."""

from collections.abc import Mapping

from sqlalchemy import select

from lti_cert.achievements.models import Attestation
from lti_cert.certificates import transitions
from lti_cert.certificates.models import Certificate
from lti_cert.core.database import db, id_set
from lti_cert.courses.models import Member


def join_accounts(course_id: int) -> None:
    """Hand over certificates and attestations, in the caller's transaction. Where something has already happened to a
    certificate under the account that stays, both are kept: what people decided is not ours to weigh.
    """
    joined = select(Member.id, Member.joined_to_id).where(
        Member.course_id == course_id, Member.joined_to_id.is_not(None)
    )
    heirs = {former: heir for former, heir in db.session.execute(joined) if heir}
    if heirs:
        _hand_over_certificates(heirs)
        _hand_over_attestations(heirs)


def _hand_over_certificates(heirs: Mapping[int, int]) -> None:
    rows = db.session.scalars(
        select(Certificate)
        .where(Certificate.member_id.in_(id_set([*heirs, *heirs.values()])))
        .order_by(Certificate.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    held = {(row.achievement_id, row.member_id): row for row in rows}
    for row in rows:
        heir = heirs.get(row.member_id)
        if heir is None or not row.version:
            continue
        own = held.get((row.achievement_id, heir))
        if own is None or not own.version:
            if own is not None:
                db.session.delete(own)
                db.session.flush()
            transitions.hand_over(row, heir)
            held[row.achievement_id, heir] = row


def _hand_over_attestations(heirs: Mapping[int, int]) -> None:
    rows = db.session.scalars(select(Attestation).where(Attestation.member_id.in_(id_set([*heirs])))).all()
    for row in rows:
        if db.session.get(Attestation, (row.achievement_id, heirs[row.member_id])) is None:
            row.member_id = heirs[row.member_id]
            db.session.flush()
