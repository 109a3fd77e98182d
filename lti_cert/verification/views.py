"""Pages for people without an account: the front page, the public check of a certificate, and the learner's private
holder page.
"""

import io

from flask import Blueprint, Response, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as AnyResponse

from lti_cert.certificates.models import Credential, CredentialStatus
from lti_cert.core import throttle
from lti_cert.issuing import documents
from lti_cert.verification import answers

bp = Blueprint("verification", __name__)
bp.after_request(throttle.say_when_again)

PER_MINUTE = 300
"""A whole class behind one campus address opens its mails at once."""

LONGEST_NUMBER = 200


@bp.before_request
def _bound_questions() -> None:
    throttle.count_request(
        "verification",
        per_minute=PER_MINUTE,
        message="Too many certificates were asked for from your network within a minute.",
    )


@bp.after_request
def _keep_out_of_search_engines(response: Response) -> Response:
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


@bp.get("/")
def front() -> str:
    """The way in for whoever knows nothing but the host. It tells nothing of any course or platform."""
    return render_template("verification/front.html")


@bp.get("/verify")
def form() -> str | tuple[str, int] | AnyResponse:
    """Asks for a number; whatever is pasted, the whole printed address too, leads to its page."""
    entered = request.args.get("id")
    if entered is None:
        return render_template("verification/form.html")
    number = "".join(entered.split()).rstrip("/").rpartition("/")[2]
    if not number or len(number) > LONGEST_NUMBER:
        problem = "Enter the number as it stands on the certificate."
        return render_template("verification/form.html", entered=entered[:LONGEST_NUMBER], problem=problem), 422
    return redirect(url_for(".verify", public_id=number))


@bp.get("/verify/<public_id>")
def verify(public_id: str) -> tuple[str, int]:
    page = answers.answer(public_id[:LONGEST_NUMBER])
    return render_template("verification/credential.html", page=page), 404 if page.standing == "unknown" else 200


@bp.get("/certificates/<holder_key>")
def holder(holder_key: str) -> str | AnyResponse:
    credential = answers.held_by(holder_key)
    if credential.status == CredentialStatus.SUPERSEDED:
        return redirect(_address_of_current(credential, ".holder"))
    document_path = url_for(".document", holder_key=holder_key)
    return render_template("verification/holder.html", page=answers.to_holder(credential), document_path=document_path)


@bp.get("/certificates/<holder_key>/certificate.pdf")
def document(holder_key: str) -> AnyResponse:
    credential = answers.held_by(holder_key)
    if credential.status == CredentialStatus.SUPERSEDED:
        return redirect(_address_of_current(credential, ".document"))
    found = answers.document_for_holder(credential)
    response = send_file(
        io.BytesIO(documents.pdf_of(found)),
        mimetype="application/pdf",
        as_attachment=True,
        download_name=documents.file_name(credential),
    )
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'; sandbox"
    return response


def _address_of_current(credential: Credential, endpoint: str) -> str:
    return url_for(endpoint, holder_key=answers.current_of(credential).holder_key)
