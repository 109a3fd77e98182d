"""Have a platform revoke what it granted and we have given up, one after another: there may be hundreds.

Canvas alone grants something to this tool. A service user's token was made by hand, perhaps for others too: whoever
made it deletes it.
"""

from collections.abc import Sequence
from datetime import timedelta

from lti_cert.core import clock, current
from lti_cert.core.database import transaction
from lti_cert.core.errors import LtiCertError
from lti_cert.core.http import PlatformUnreachable
from lti_cert.lti.answers import ServiceRefused, ServiceThrottled
from lti_cert.outbox import outbox
from lti_cert.sources import canvas_oauth, connections

KEPT = timedelta(days=30)
"""What could not be revoked by then is forgotten."""


class NotRevoked(LtiCertError):
    title = "Canvas could not be told"

    def __init__(self, left: int, why: PlatformUnreachable) -> None:
        super().__init__(
            message=f"Canvas has not revoked {left} {'connection' if left == 1 else 'connections'} that were given up "
            f"here. {why.shown_message} Whoever made one can remove this tool in Canvas, under Account, Settings, "
            "Approved Integrations."
        )


def revoke_withdrawn(registration_id: int) -> None:
    """The job. Each is forgotten as soon as Canvas has revoked it, so that a later try goes on with those left.

    :raises NotRevoked: some are left.
    """
    withdrawn, refused = connections.withdrawn_of(registration_id), []
    http = current.http().impatient()
    for number, one in enumerate(withdrawn):
        try:
            canvas_oauth.revoke(one.api, http, token=one.token, refresh=one.refresh)
        except ServiceThrottled as slow:
            raise outbox.Postponed(timedelta(seconds=slow.seconds), slow.shown_message) from slow
        except ServiceRefused as fault:
            refused.append(fault)
        except PlatformUnreachable as fault:
            raise NotRevoked(len(withdrawn) - number + len(refused), fault) from fault
        else:
            with transaction():
                connections.forget_withdrawn(one.id)
    if refused:
        raise NotRevoked(len(refused), refused[0]) from refused[0]


def forget_old() -> Sequence[object]:
    """What the clock does once a day; no event follows."""
    connections.forget_withdrawn_before(clock.now() - KEPT)
    return ()
