"""The configuration of an LTI developer key in Canvas, which Canvas reads from an address.

https://developerdocs.instructure.com/services/canvas/external-tools/lti/file.lti_dev_key_config
"""

from typing import Any
from urllib.parse import urlsplit

from lti_cert.lti.dynamic_registration import DESCRIPTION, NAME, SCOPES
from lti_cert.lti.products import CANVAS, DEEP_LINKING, RESOURCE_LINK


def configuration(base_url: str) -> dict[str, Any]:
    launch = f"{base_url}/lti/launch"
    return {
        "title": NAME,
        "description": DESCRIPTION,
        "oidc_initiation_url": f"{base_url}/lti/login",
        "target_link_uri": launch,
        "public_jwk_url": f"{base_url}/lti/jwks.json",
        "scopes": list(SCOPES),
        "custom_fields": dict(CANVAS.custom),
        "extensions": [
            {
                "platform": "canvas.instructure.com",
                "domain": urlsplit(base_url).netloc,
                **{name.removeprefix(CANVAS.own_prefix): value for name, value in CANVAS.tool_extensions.items()},
                "settings": {
                    "text": NAME,
                    "placements": [
                        {"placement": name, "message_type": kind, "target_link_uri": launch, "text": NAME}
                        | {"enabled": True, **_SETTINGS[kind]}
                        for kind, names in CANVAS.placements.items()
                        for name in names
                    ],
                },
            }
        ],
    }


_SETTINGS: dict[str, dict[str, Any]] = {
    RESOURCE_LINK: {"default": "disabled", "visibility": "members", "display_type": "full_width_in_context"},
    DEEP_LINKING: {"selection_width": 800, "selection_height": 600},
}
"""As `products.CANVAS.message_extensions` says it in a dynamic registration."""
