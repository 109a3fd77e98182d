"""The platform's side of deep linking: takes the link that an instructor chose in the tool into the course.

https://www.imsglobal.org/spec/lti-dl/v2p0#deep-linking-response-message
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import jwt

from lti_cert.core import ids
from lti_cert.core.errors import LtiCertError
from lti_cert.demo.course import ResourceLink
from lti_cert.demo.platform import Launch, Lms, Tool
from lti_cert.demo.tool_keys import KeyUnavailable

_LTI = "https://purl.imsglobal.org/spec/lti/claim"
_DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim"

LEEWAY_SECONDS = 5
LONGEST_TITLE = 200


class LinkRefused(LtiCertError):
    title = "The link was not taken"
    message = "What the tool sent is not an answer to the question which link you want."
    guidance = "Go back to the course and choose again."


def take_link(lms: Lms, token: str, person_id: str) -> tuple[Launch, ResourceLink | None]:
    """The launch that the tool answers, and the link that is now in its course; None where nothing was chosen.

    :raises LinkRefused:
    """
    try:
        tool, said = _verified(lms, token)
        launch = lms.take_awaited(said[f"{_DEEP_LINKING}/data"])
        if launch is None or launch.tool != tool or launch.person_id != person_id:
            raise LinkRefused("its data is none that was given out to this person, or was used before")
        if said[f"{_LTI}/deployment_id"] != launch.deployment_id:
            raise LinkRefused("another deployment")
        items = said.get(f"{_DEEP_LINKING}/content_items", [])
        link = _read_link(items[0], tool) if items else None
    except (jwt.PyJWTError, KeyUnavailable, KeyError, TypeError, AttributeError, ValueError) as error:
        raise LinkRefused(f"{type(error).__name__}: {error}") from error
    if link:
        launch.course.add_resource_link(link)
    return launch, link


def _verified(lms: Lms, token: str) -> tuple[Tool, dict[str, Any]]:
    header = jwt.get_unverified_header(token)
    claimed = jwt.decode(token, options={"verify_signature": False})
    tool = lms.tool(str(claimed.get("iss"))) if claimed.get("iss") else None
    if tool is None:
        raise LinkRefused("iss is no client id of a tool")
    said = jwt.decode(
        token,
        lms.tool_keys.find(tool.jwks_url, header["kid"]).key,
        algorithms=["RS256"],
        audience=lms.issuer,
        issuer=tool.client_id,
        leeway=LEEWAY_SECONDS,
        options={"require": ["iss", "aud", "iat", "exp", "nonce"]},
    )
    is_kind = said[f"{_LTI}/message_type"] == "LtiDeepLinkingResponse" and said[f"{_LTI}/version"] == "1.3.0"
    if not is_kind or not lms.accept_assertion(tool.client_id, said["nonce"], said["exp"] + LEEWAY_SECONDS):
        raise LinkRefused("no answer of deep linking, or one that was sent before")
    return tool, said


def _read_link(item: Mapping[str, Any], tool: Tool) -> ResourceLink:
    if item["type"] != "ltiResourceLink":
        raise LinkRefused("no link that opens the tool")
    url = item.get("url", "")
    if url and urlsplit(url)[:2] != urlsplit(tool.target_link_uri)[:2]:
        raise LinkRefused("the link leads to another site than the tool's")
    custom = tuple((str(name), str(value)) for name, value in item.get("custom", {}).items())
    return ResourceLink(ids.random_id(8), str(item.get("title") or "Link")[:LONGEST_TITLE], url, custom)
