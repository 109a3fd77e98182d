"""What this tool signs for a platform: client assertions and the answers of deep linking.

https://www.imsglobal.org/spec/security/v1p0#tool-originating-messages
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import jwt

from lti_cert.core import clock
from lti_cert.lti import keys

BACKDATED = timedelta(seconds=10)
"""Moodle refuses a token whose `iat` is in its future, be it by a few seconds."""
LIFE = timedelta(minutes=5)


def signed(claims: Mapping[str, Any]) -> str:
    """As a token that is valid for the next minutes.

    :raises KeysUnusable: there is no key of ours to sign with.
    """
    kid, private = keys.signing_key()
    issued_at = clock.now() - BACKDATED
    return jwt.encode(
        {**claims, "iat": issued_at, "exp": issued_at + LIFE}, private, algorithm=keys.ALGORITHM, headers={"kid": kid}
    )
