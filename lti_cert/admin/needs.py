"""The start page: what needs an operator now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from lti_cert.admin import course_health, outbox_list, platform_health
from lti_cert.admin.words import Tone
from lti_cert.core import clock, current, proxies
from lti_cert.lti import keys
from lti_cert.lti.keys import KeyState, KeysUnusable
from lti_cert.lti.models import Standing
from lti_cert.outbox import relay
from lti_cert.outbox.models import RowState

SLOW = timedelta(minutes=2)
"""Due tasks that wait longer mean that no relay or worker runs, or too few."""


@dataclass(frozen=True)
class Need:
    tone: Tone
    text: str
    action: str
    """What the link to it says."""
    endpoint: str
    values: dict[str, str]
    """Of the link."""


def needs() -> list[Need]:
    return [*_of_platforms(), *_of_the_outbox(), *_of_courses(), *_of_keys(), *_of_proxies()]


def _need(tone: Tone, text: str, action: str, endpoint: str, **values: str) -> Need:
    return Need(tone, text, action, endpoint, values)


def _several(number: int, one: str, many: str) -> str:
    return one if number == 1 else many.format(n=f"{number:,}")


def _of_platforms() -> Iterator[Need]:
    rows = platform_health.all_rows()
    if not rows:
        yield _need("info", "No learning platform is connected yet.", "Invite one", ".invite_platform")
    if waiting := sum(row.registration.standing == Standing.PENDING for row in rows):
        text = _several(waiting, "A platform wants to launch this tool.", "{n} platforms want to launch this tool.")
        yield _need("waiting", text, "Look at it" if waiting == 1 else "Look at them", ".platforms")
    active = [row for row in rows if row.registration.standing == Standing.ACTIVE]
    if pending := sum(row.pending for row in active):
        text = _several(pending, "A deployment waits to be accepted.", "{n} deployments wait to be accepted.")
        yield _need("waiting", text, "See which", ".platforms")
    for row in active:
        name, number = row.registration.name or row.registration.issuer, str(row.registration.id)
        if row.has_unread_keys:
            yield _need("failed", f"The keys of {name} cannot be read.", "See", ".platform", registration_id=number)
        if row.is_connection_broken:
            text = (
                f"{name} does not accept the token any more by which its courses are read: make a new one there, and "
                "connect it with lti-cert source connect."
            )
            yield _need("failed", text, "See", ".platform", registration_id=number)


def _of_the_outbox() -> Iterator[Need]:
    if set_aside := outbox_list.counts().get(RowState.SET_ASIDE, 0):
        text = _several(
            set_aside,
            "A task failed too often and was set aside.",
            "{n} tasks failed too often and were set aside.",
        )
        yield _need("failed", text, "Retry or discard", ".outbox", state=RowState.SET_ASIDE)
    waited = relay.waiting_since(clock.now())
    if waited > SLOW:
        minutes = int(waited.total_seconds()) // 60
        text = f"What is due has waited for {minutes} minutes: lti-cert relay or lti-cert worker does not run."
        yield _need("failed", text, "See what waits", ".outbox", state=RowState.WAITING)


def _of_courses() -> Iterator[Need]:
    counted = course_health.counts()
    if failed := counted.get("failed", 0):
        text = _several(failed, "A course cannot be read.", "{n} courses cannot be read.")
        yield _need("failed", text, "See why", ".courses", health="failed")
    if disconnected := course_health.disconnected():
        text = _several(
            len(disconnected),
            "The platform does not accept the connection of a course any more: an instructor connects it again, on its "
            "overview.",
            "Platforms do not accept the connections of {n} courses any more: an instructor of each connects it again, "
            "on its overview.",
        )
        if len(disconnected) == 1:
            yield _need("waiting", text, "See which", ".course", course_id=str(disconnected[0].id))
        else:
            yield _need("waiting", text, "See which", ".courses", health="failed")
    if stale := counted.get("stale", 0):
        text = _several(stale, "A course is out of date.", "{n} courses are out of date.")
        yield _need("waiting", text, "See which", ".courses", health="stale")
    if held := counted.get("held", 0):
        text = _several(
            held,
            "What was read of a course waits for an instructor to accept it.",
            "What was read of {n} courses waits for an instructor to accept it.",
        )
        yield _need("waiting", text, "See which", ".courses", health="held")


def _of_keys() -> Iterator[Need]:
    try:
        states = {key.state for key in keys.all_keys(current.settings())}
    except KeysUnusable as fault:
        yield _need("failed", fault.shown_message, "See the keys", ".signing_keys")
        return
    if KeyState.SIGNING not in states:
        yield _need(
            "failed", "There is no signing key: nothing can be asked of any platform.", "Make one", ".signing_keys"
        )
    elif KeyState.NEXT not in states:
        yield _need("waiting", "No next signing key is published.", "Rotate", ".signing_keys")


def _of_proxies() -> Iterator[Need]:
    """As the operator's own request shows it. More than are trusted may be her own network's."""
    seen, trusted = proxies.seen(), current.settings().proxies
    if seen < trusted or (seen and not trusted):
        yield _need("failed", proxies.problem(seen, trusted), "Look again", ".start")
