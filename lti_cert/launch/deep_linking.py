"""Deep linking: a platform asks which link an instructor wants in her course, and we answer with a signed message.

https://www.imsglobal.org/spec/lti-dl/v2p0#deep-linking-response-message
"""

from typing import Any

from flask import url_for

from lti_cert.achievements.models import Achievement
from lti_cert.core import current, ids
from lti_cert.core.database import db
from lti_cert.core.errors import NotFound
from lti_cert.launch.models import DeepLinkRequest, PanelSession
from lti_cert.lti import products, tool_tokens
from lti_cert.lti.claims import CUSTOM_ACHIEVEMENT, DEEP_LINKING, DeepLinkingSettings
from lti_cert.lti.models import Registration

_LTI = "https://purl.imsglobal.org/spec/lti/claim/"

ALL_TITLE = "Certificates"
"""What a link to all of a course's certificates is called, until the instructor renames it."""


class NothingToPlace(NotFound):
    title = "There is no link to be placed"
    message = "This page was not opened to place a link."
    guidance = "Choose this tool where your course offers external tools or activities."


def keep(session: PanelSession, deployment_id: str, asked: DeepLinkingSettings) -> None:
    """In the caller's transaction."""
    db.session.add(
        DeepLinkRequest(
            session_id=session.id, deployment_id=deployment_id, return_url=asked.return_url, data=asked.data
        )
    )


def find(viewer: PanelSession) -> DeepLinkRequest | None:
    """What this session was begun for, if it was to choose a link."""
    return db.session.get(DeepLinkRequest, viewer.id)


def require(viewer: PanelSession) -> DeepLinkRequest:
    """:raises NothingToPlace: this session was begun for something else."""
    found = find(viewer)
    if found is None:
        raise NothingToPlace(f"session {viewer.id}")
    return found


def link_to(registration: Registration, achievement: Achievement | None) -> dict[str, Any]:
    """A link that opens one achievement first, or all of the course's.

    https://www.imsglobal.org/spec/lti-dl/v2p0#lti-resource-link
    """
    item: dict[str, Any] = {"type": "ltiResourceLink", "title": achievement.title if achievement else ALL_TITLE}
    if products.of(registration.product).links_with_address:
        item["url"] = current.settings().base_url + url_for("launch.launch")
    if achievement:
        item["custom"] = {CUSTOM_ACHIEVEMENT: str(achievement.id)}
    return item


def answer(request: DeepLinkRequest, *links: dict[str, Any]) -> str:
    """The signed message that carries these links, or none, back to the platform.

    :raises KeysUnusable: there is no key of ours to sign with.
    """
    registration = db.session.get_one(Registration, request.session.registration_id)
    said = {
        "iss": registration.client_id,
        "sub": registration.client_id,  # Blackboard wants it; to the standard and the others it is nothing
        "aud": registration.issuer,
        "nonce": ids.random_id(),
        _LTI + "message_type": "LtiDeepLinkingResponse",
        _LTI + "version": "1.3.0",
        _LTI + "deployment_id": request.deployment_id,
        DEEP_LINKING + "content_items": list(links),
    }
    return tool_tokens.signed(said if request.data is None else {**said, DEEP_LINKING + "data": request.data})
