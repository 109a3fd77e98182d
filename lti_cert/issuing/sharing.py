"""The addresses under which a credential is shown and checked."""

from urllib.parse import urlencode

from lti_cert.certificates.models import Credential
from lti_cert.core import current
from lti_cert.core.days import day_of


def verify_url(public_id: str) -> str:
    """Printed on the document, given to anybody."""
    return f"{current.settings().base_url}/verify/{public_id}"


def holder_url(credential: Credential) -> str:
    """The learner's own, secret page; it needs no launch and outlives the course."""
    return f"{current.settings().base_url}/certificates/{credential.holder_key}"


def linkedin_url(credential: Credential, *, title: str, issuer: str) -> str:
    """Opens LinkedIn's form for a certification, filled in as far as LinkedIn still takes it."""
    awarded_on = day_of(credential.awarded_at)
    fields = {
        "startTask": "CERTIFICATION_NAME",
        "name": title,
        "organizationName": issuer,
        "issueYear": awarded_on.year,
        "issueMonth": awarded_on.month,
        "certUrl": verify_url(credential.public_id),
        "certId": credential.public_id,
    }
    return f"https://www.linkedin.com/profile/add?{urlencode(fields)}"
