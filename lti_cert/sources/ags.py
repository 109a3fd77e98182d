"""The standard source: Assignment and Grade Services for line items and results, Names and Roles for people.

It sees what the platform lets this tool see, which on most is its own columns only.
"""

from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial

from sqlalchemy.orm import Session

from lti_cert.core import current, log
from lti_cert.core.database import db
from lti_cert.core.errors import LtiCertError
from lti_cert.lti import ags, claims, nrps, products
from lti_cert.lti.ags import LineItem, Result
from lti_cert.lti.answers import ServiceFailed, ServiceRefused, ServiceThrottled
from lti_cert.lti.fields import Number
from lti_cert.lti.models import Registration
from lti_cert.lti.products import Product
from lti_cert.lti.service_client import ServiceClient
from lti_cert.sources.snapshot import (
    MILLIONTHS,
    CourseConcluded,
    Item,
    Person,
    Reading,
    Score,
    Snapshot,
    SourceFailed,
    SourceForbidden,
    SourceThrottled,
    millionths,
)

_log = log.get_logger(__name__)

NO_POINTS, UNPUBLISHED, NOT_IN_FINAL_GRADE = "no_points", "unpublished", "not_in_final_grade"
_NOT_READ = frozenset({NO_POINTS, UNPUBLISHED})
"""Results that are withheld from learners are neither shown nor counted, and those out of nothing mean nothing."""

_MAY_BE_GONE = frozenset({404, 410, 412})
"""Statuses of a line item that may have been deleted, or is another tool's; the list tells."""


def read(reading: Reading) -> Snapshot:
    """Outside a transaction: it takes its time.

    :raises SourceFailed: in one of its kinds; nothing partial is ever returned.
    """
    try:
        return _read(reading)
    except SourceFailed:
        raise
    except ServiceThrottled as fault:
        raise SourceThrottled(fault.detail, fault.seconds) from fault
    except ServiceRefused as fault:
        raise SourceForbidden(fault.detail, message=fault.shown_message, guidance=fault.shown_guidance) from fault
    except LtiCertError as fault:
        raise SourceFailed(fault.detail, message=fault.shown_message, guidance=fault.shown_guidance) from fault


def _read(reading: Reading) -> Snapshot:
    client, product = _connect(reading)
    reading.progress("line items")
    line_items = _line_items(client, product, reading)
    items = {ref: _item(line_item) for ref, line_item in line_items.items()}
    scores = _scores(client, product, reading, items)
    reading.progress("members")
    people = _people(client, product, reading)
    _leave_out_strangers(scores, people, reading)
    return Snapshot(
        items=tuple(items.values()),
        people=people,
        scores=scores,
        limits=_limits(product, line_items.values()),
        requests=client.requests,
    )


def _connect(reading: Reading) -> tuple[ServiceClient, Product]:
    with Session(db.engine) as session:  # of its own, so that no read stays open while we wait for the platform
        registration = session.get_one(Registration, reading.registration_id)
        named = (*reading.lineitems_urls, *reading.lineitem_urls, reading.memberships_url)
        client = ServiceClient(registration, _scopes(reading), current.http(), named=named)
        return client, products.of(registration.product)


def _scopes(reading: Reading) -> tuple[str, ...]:
    """What we ask for: to read, and nothing else. Launches name the AGS scopes that this tool has; NRPS has one only.

    :raises SourceForbidden: a service or a scope that we cannot do without was not offered.
    """
    # The claim must name its scopes. Where it does not, the token service has the word.
    offered = reading.scopes or (claims.LINEITEM_READONLY, claims.RESULT_READONLY)
    # Who may change line items may read them.
    reads_items = next((scope for scope in (claims.LINEITEM_READONLY, claims.LINEITEM) if scope in offered), None)
    lacks = {
        "its line items": not reads_items or not (reading.lineitems_urls or reading.lineitem_urls),
        "their results": claims.RESULT_READONLY not in offered,
        "names and roles": not reading.memberships_url,
    }
    if not reads_items or any(lacks.values()):
        words = ", ".join(what for what, is_lacking in lacks.items() if is_lacking)
        raise SourceForbidden(message=f"In this course the learning platform does not offer this tool to read {words}.")
    return reads_items, claims.RESULT_READONLY, claims.MEMBERSHIP_READONLY


@contextmanager
def _course_may_be_concluded(product: Product) -> Iterator[None]:
    try:
        yield
    except ServiceFailed as fault:
        if fault.http_status in product.concluded:
            raise CourseConcluded(fault.detail) from fault
        raise


def _line_items(client: ServiceClient, product: Product, reading: Reading) -> dict[str, LineItem]:
    """All that any resource link's addresses show, by id."""
    found: dict[str, LineItem] = {}
    for url in reading.lineitems_urls:
        with _course_may_be_concluded(product):
            for item in ags.line_items(client, url, product.page_limit):
                found.setdefault(item.id, item)
    for url in reading.lineitem_urls:
        if url not in found and (single := _line_item(client, url, is_listed=bool(reading.lineitems_urls))):
            found.setdefault(single.id, single)
    return found


def _line_item(client: ServiceClient, url: str, *, is_listed: bool) -> LineItem | None:
    """The one that a launch named; None where it is gone, which is sure only if there is a list and it is not there."""
    try:
        return ags.line_item(client, url)
    except ServiceFailed as fault:
        if is_listed and fault.http_status in _MAY_BE_GONE:
            return None
        raise


def _scores(
    client: ServiceClient, product: Product, reading: Reading, items: dict[str, Item]
) -> dict[str, list[Score]]:
    """By line item, several at a time; an item that is gone by now is taken out of `items`."""
    asked = [item for item in items.values() if item.exclusion not in _NOT_READ]
    scores: dict[str, list[Score]] = {}
    gone: list[Item] = []
    pool = ThreadPoolExecutor(product.parallel, thread_name_prefix="results")
    try:
        answers = pool.map(partial(_item_scores, client, product), asked)
        for number, (item, answer) in enumerate(zip(asked, answers, strict=True), 1):
            if answer is None:
                gone.append(item)
            else:
                scores[item.ref] = answer
            reading.progress(f"results {number} of {len(asked)}")
    finally:
        pool.shutdown(cancel_futures=True)
    if gone:
        _take_out(gone, items, _line_items(client, product, reading))
    return scores


def _item_scores(client: ServiceClient, product: Product, item: Item) -> list[Score] | None:
    """In a thread of the pool. None where the item may be gone."""
    try:
        results = ags.results(client, item.ref, product.page_limit)
    except ServiceFailed as fault:
        if fault.http_status in _MAY_BE_GONE:
            return None
        raise
    try:
        return [
            Score(result.user_id, rescaled(result.score, result.maximum, item.maximum))
            for result in latest(results)
            if result.score is not None
        ]
    except ValueError as problem:
        raise SourceFailed(item.ref, message=f"A result of “{item.label}” cannot be used: {problem}.") from None


def _take_out(gone: Iterable[Item], items: dict[str, Item], listed: Collection[str]) -> None:
    """:raises SourceFailed: one of them is still listed, so that its results are only withheld."""
    for item in gone:
        if item.ref in listed:
            raise SourceFailed(
                item.ref, message=f"The learning platform lists “{item.label}” but does not hand over its results."
            )
        del items[item.ref]


def latest(results: Iterable[Result]) -> list[Result]:
    """One result a person. Where pages shifted and one came twice, the later grading counts, or else the later row."""
    kept: dict[str, Result] = {}
    for result in results:
        before = kept.get(result.user_id)
        if before is None or not _is_earlier(result.timestamp, before.timestamp):
            kept[result.user_id] = result
    return list(kept.values())


def _is_earlier(timestamp: str, other: str) -> bool:
    try:
        return _moment(timestamp) < _moment(other)
    except ValueError:
        return False


def _moment(timestamp: str) -> datetime:
    moment = datetime.fromisoformat(timestamp)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def rescaled(score: Number, of: Number, maximum: int) -> int:
    """`score` points of `of`, in millionths of the item's points; `maximum` is how many it has. Rounded once.

    :raises ValueError: absurdly large.
    """
    if millionths(of) == maximum:
        return millionths(score)
    # str(float) gives back the shortest text that means it: 17.4 stays 17.4.
    return millionths(Fraction(str(score)) / Fraction(str(of)) * Fraction(maximum, MILLIONTHS))


def _people(client: ServiceClient, product: Product, reading: Reading) -> tuple[Person, ...]:
    """Active members, each once; test students are nobody."""
    with _course_may_be_concluded(product):
        members = nrps.members(client, reading.memberships_url, product.members_limit)
    people: dict[str, Person] = {}
    for member in members:
        if member.is_active and not member.is_test_user:
            before = people.get(member.user_id)
            roles = member.roles | (before.roles if before else frozenset())
            people[member.user_id] = Person(member.user_id, roles, member.name, member.email)
    return tuple(people.values())


def _leave_out_strangers(scores: dict[str, list[Score]], people: Iterable[Person], reading: Reading) -> None:
    """Platforms keep the results of people who have left."""
    members = frozenset(person.user_id for person in people)
    left_out = 0
    for ref, of_item in scores.items():
        scores[ref] = [score for score in of_item if score.user_id in members]
        left_out += len(of_item) - len(scores[ref])
    if left_out:
        _log.info("results of people who are no members", registration=reading.registration_id, results=left_out)


def _item(line_item: LineItem) -> Item:
    label = line_item.label or "Without a name"
    try:
        maximum = millionths(line_item.maximum or 0)
    except ValueError as problem:
        raise SourceFailed(line_item.id, message=f"The points of “{label}” cannot be used: {problem}.") from None
    return Item(line_item.id, label, maximum, _exclusion(line_item, maximum))


def _exclusion(line_item: LineItem, maximum: int) -> str:
    """Why “all assessments” leaves it out; empty where it counts."""
    if maximum <= 0:
        return NO_POINTS
    if not line_item.is_released:
        return UNPUBLISHED
    return "" if line_item.is_in_final_grade else NOT_IN_FINAL_GRADE


def _limits(product: Product, items: Iterable[LineItem]) -> str:
    if any(item.is_read_only for item in items):
        return ""
    return f"{product.name} shows this tool only the grade items that belong to it, not the whole gradebook."
