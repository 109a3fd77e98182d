"""`lti-cert certificate …`: the verbs that the panel uses."""

from collections.abc import Iterable
from typing import Any

import click
from sqlalchemy import select

from lti_cert.achievements.criteria import Level
from lti_cert.achievements.models import Achievement
from lti_cert.certificates import approval, reading
from lti_cert.certificates.lifecycle import State
from lti_cert.certificates.models import Certificate, Credential, CredentialStatus
from lti_cert.cli.common import actor, as_json, find_course, in_app, number, platform_option, print_rows
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import LtiCertError
from lti_cert.issuing import documents


@click.group()
def certificate() -> None:
    """Single certificates, with the same verbs that the panel uses."""


def _certificate_rows(certificates: Iterable[Certificate]) -> list[dict[str, Any]]:
    certificates = list(certificates)
    credentials = reading.current_credentials([one.id for one in certificates])
    return [
        {
            "id": one.id,
            "course": one.achievement.course.context_id,
            "user_id": one.member.user_id,
            "name": one.member.name,
            "state": one.state,
            "level": one.level,
            "pending_level": one.pending_level,
            "credential_id": credentials[one.id].public_id if one.id in credentials else None,
        }
        for one in certificates
    ]


@certificate.command("list")
@click.option("--course", "course_id", help="Only of this course.")
@platform_option
@click.option("--state", type=click.Choice([*map(str, State), "waiting"]), help="Only these.")
@as_json
@in_app
def certificate_list(course_id: str | None, platform: int | None, state: str | None, as_json: bool) -> None:
    """Certificates and where they stand."""
    query = select(Achievement.id).order_by(Achievement.id)
    if course_id:
        query = query.where(Achievement.course_id == find_course(course_id, platform).id)
    found = [
        one
        for achievement_id in db.session.scalars(query).all()
        for one in db.session.scalars(reading.listing(achievement_id, state=state or ""))
    ]
    print_rows(_certificate_rows(found), as_json)


@certificate.command("show")
@click.argument("certificate_id", metavar="ID", type=number)
@as_json
@in_app
def certificate_show(certificate_id: int, as_json: bool) -> None:
    """One certificate and every step of its life."""
    found = reading.find(certificate_id)
    if not as_json:
        print_rows(_certificate_rows([found]), as_json)
        click.echo()
    print_rows(
        (
            {
                "at": step.moved_at.isoformat(timespec="seconds"),
                "actor": step.actor,
                "action": step.action,
                "from": step.from_state,
                "to": step.to_state,
                "level": step.to_level or step.to_pending_level,
                "reason": step.reason,
            }
            | ({"evidence": step.evidence} if as_json else {})
            for step in reading.history(certificate_id)
        ),
        as_json,
    )


@certificate.command("document")
@click.argument("certificate_id", metavar="ID", type=number)
@click.option("--output", required=True, metavar="FILE", help="Where the PDF goes; - is standard output.")
@in_app
def certificate_document(certificate_id: int, output: str) -> None:
    """Write the PDF of a certificate that is valid."""
    found = reading.find(certificate_id)
    credential = reading.current_credentials([found.id]).get(found.id)
    if credential is None or credential.status != CredentialStatus.VALID:
        raise LtiCertError(
            message=f"Certificate {found.id} is {found.state}; it has no document.",
            guidance="There is one of what is earned.",
        )
    pdf = _pdf_of(credential)
    try:
        with click.open_file(output, "wb") as file:
            file.write(pdf)
    except OSError as error:
        raise LtiCertError(
            message=f"“{output}” cannot be written: {error.strerror or error}.",
            guidance="Name another file with --output.",
        ) from None


def _pdf_of(credential: Credential) -> bytes:
    document = documents.document_of(credential)
    if document is None:
        message = f"Certificate {credential.certificate_id} has no document yet."
        if why := documents.waits_for(credential):
            raise LtiCertError(message=message, guidance=why)
        raise LtiCertError(
            message=message, guidance="It is still being made: are `lti-cert relay` and `lti-cert worker` running?"
        )
    return documents.pdf_of(document)


def _decide(certificate_id: int, action: str, reason: str, level: str | None = None, tell: bool = True) -> None:
    found = reading.find(certificate_id)
    with transaction():
        decided = approval.decide(
            found.achievement,
            action,
            {found.id: None},
            actor=actor(),
            reason=reason,
            level=Level(level) if level else None,
            is_told=tell,
        )
    if not decided.done:
        raise LtiCertError(
            message=f"Certificate {found.id} is {found.state}; it cannot be {_PAST[action]}.",
            guidance="`lti-cert certificate show` tells its story.",
        )
    print_rows(_certificate_rows([reading.find(certificate_id)]), as_json=False)


_PAST = {
    "approve": "approved",
    "deny": "denied",
    "grant": "granted",
    "revoke": "revoked",
    "reopen": "reopened",
    "reissue": "reissued",
}


def _decision(action: str, summary: str) -> None:
    """Add the command for one decision; they differ in name, help and what they ask."""

    def command(certificate_id: int, reason: str, **more: Any) -> None:
        _decide(certificate_id, action, reason, **more)

    built: Any = in_app(command)
    if action == "grant":
        levels = click.Choice([str(level) for level in Level])
        built = click.option("--level", type=levels, default="completion", show_default=True)(built)
    if action == "deny":
        built = click.option("--tell/--no-tell", default=True, help="Whether the learner hears of it.")(built)
    built = click.option("--reason", default="", required=action in approval.REASON_REQUIRED)(built)
    built = click.argument("certificate_id", metavar="ID", type=number)(built)
    certificate.command(action, help=summary)(built)


_decision("approve", "Approve what is pending.")
_decision("deny", "Deny what is pending, or may become so.")
_decision("grant", "Award by hand, whatever the evidence says.")
_decision("revoke", "Take an earned certificate back; its public page says so.")
_decision("reopen", "Have a denied or revoked certificate evaluated afresh.")
_decision("reissue", "Issue an earned certificate again, with the name and design of today.")
