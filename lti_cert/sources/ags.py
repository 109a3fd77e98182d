"""The standard source: Assignment and Grade Services for line items and results, Names and Roles for people.

It sees what the platform lets this tool see, which on most is its own columns only.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from threading import Event

from sqlalchemy.orm import Session

from lti_cert.core import current
from lti_cert.core.database import db
from lti_cert.lti import ags, claims, nrps, products
from lti_cert.lti.ags import LineItem, Result
from lti_cert.lti.answers import ServiceFailed, ServiceThrottled
from lti_cert.lti.fields import Number
from lti_cert.lti.models import Registration
from lti_cert.lti.products import Product
from lti_cert.lti.service_client import ServiceClient
from lti_cert.sources import roster, side_by_side
from lti_cert.sources.snapshot import (
    DONE,
    MILLIONTHS,
    NO_POINTS,
    NOT_IN_FINAL_GRADE,
    UNPUBLISHED,
    CourseConcluded,
    Finding,
    Item,
    Reading,
    Score,
    Snapshot,
    SourceFailed,
    SourceForbidden,
    millionths,
)

_NOT_READ = frozenset({NO_POINTS, UNPUBLISHED})
"""Results that are withheld from learners are neither shown nor counted, and those out of nothing mean nothing."""

_GONE = frozenset({404, 410})
"""Statuses of a list of line items whose resource link has been deleted, or whose course has."""

_MAY_BE_GONE = frozenset({404, 410, 412})
"""Statuses of a line item that may have been deleted, or is another tool's; the list tells."""


def read(reading: Reading, snapshot: Snapshot) -> None:
    client, product = _connect(reading)
    try:
        snapshot.progress("line items")
        line_items = _line_items(client, product, reading)
        items = {ref: _item(line_item, product) for ref, line_item in line_items.items()}
        _require_unchanged(items, snapshot)
        gone = _add_scores(client, product, reading, items.values(), snapshot)
        if gone:
            _take_out(gone, items, _line_items(client, product, reading))
        snapshot.progress("members")
        _add_people(client, product, reading, snapshot)
        snapshot.items += items.values()  # nothing follows that could be slowed down, so that they are added once
    finally:
        snapshot.requests += client.requests
    snapshot.limits = _limits(product, line_items.values())


def check(reading: Reading) -> Iterator[Finding]:
    """What a reading needs, one thing after another. A fault that it raises is a finding too."""
    client, product = _connect(reading)
    line_items = _line_items(client, product, reading)
    for item in (_item(line_item, product) for line_item in line_items.values()):
        if item.exclusion not in _NOT_READ:
            next(ags.result_pages(client, ags.with_query(ags.results_url(item.ref), limit=product.page_limit)))
            break
    limits = _limits(product, line_items.values())
    if line_items:
        yield Finding(True, f"The tool sees {len(line_items)} columns and their results. {limits}".strip())
    else:
        yield Finding(
            False,
            f"The tool sees no column at all. {limits}",
            "Let the tool read the platform's own interface (`lti-cert source connect`), or have the platform open its "
            "gradebook to it.",
        )
    members, goes_on_at = next(
        nrps.member_pages(client, nrps.first_page(reading.memberships_url, product.members_limit))
    )
    yield Finding(
        bool(members), f"The roster opens: {len(members)} people{' on its first page' if goes_on_at else ''}."
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
    """All that any resource link's addresses show, by id. A link that is gone from the course takes its address along;
    if none of them answers, it is the course that is gone.
    """
    found: dict[str, LineItem] = {}
    gone: list[ServiceFailed] = []
    for url in reading.lineitems_urls:
        try:
            for item in ags.line_items(client, url, product.page_limit):
                found.setdefault(item.id, item)
        except ServiceFailed as fault:
            if fault.http_status not in _GONE | product.concluded:
                raise
            gone.append(fault)
    if gone and len(gone) == len(reading.lineitems_urls):
        with _course_may_be_concluded(product):
            raise gone[0]
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


_Page = tuple[Sequence[Score], str]
"""Scores, and where it goes on after them."""


def _add_scores(
    client: ServiceClient, product: Product, reading: Reading, items: Iterable[Item], snapshot: Snapshot
) -> Sequence[Item]:
    """Read the results of several items at a time; those that may be gone are returned.

    :raises ServiceThrottled: after everything that did arrive has been added.
    """
    asked = [item for item in items if item.exclusion not in _NOT_READ]
    unread = [item for item in asked if snapshot.steps.get(_stream(item)) != DONE]
    gone: list[Item] = []
    slow: ServiceThrottled | None = None
    is_slowed = Event()

    def fetch(item: Item) -> Iterable[_Page | ServiceFailed]:
        start = snapshot.steps.get(_stream(item)) or ags.with_query(ags.results_url(item.ref), limit=product.page_limit)
        return () if is_slowed.is_set() else _pages(client, item, start, is_slowed)

    done = len(asked) - len(unread)
    for item, page in side_by_side.pages(fetch, unread, parallel=reading.parallel):
        if isinstance(page, ServiceThrottled):
            slow = slow or page
        elif isinstance(page, ServiceFailed):
            gone.append(item)
        else:
            scores, goes_on_at = page
            snapshot.add_scores(item.ref, scores)
            snapshot.reached(_stream(item), goes_on_at)
            done += goes_on_at == DONE
            if not slow:  # or its turn might end, and with it the wait that the platform asked for
                snapshot.progress(f"results {done} of {len(asked)}")
    if slow:
        raise slow
    return gone


_RESULTS = "results"


def _stream(item: Item) -> str:
    """With the points that its scores are told in."""
    return f"{_RESULTS} {item.maximum} {item.ref}"


def _require_unchanged(items: Mapping[str, Item], snapshot: Snapshot) -> None:
    """What a reading that goes on has read already must mean the same still.

    :raises SourceFailed: an item of which results were read has other points now, or is withheld; the next reading
        begins afresh.
    """
    begun = (stream.split(" ", 2)[-1] for stream in snapshot.steps if stream.startswith(f"{_RESULTS} "))
    for item in (items[ref] for ref in begun if ref in items):
        if item.exclusion in _NOT_READ or _stream(item) not in snapshot.steps:
            raise SourceFailed(
                item.ref,
                message=f"“{item.label}” was changed while the grades were read.",
                guidance="They are read again by themselves.",
            )


def _pages(client: ServiceClient, item: Item, start: str, is_slowed: Event) -> Iterator[_Page | ServiceFailed]:
    """In a thread of the pool. A fault is why it could not go on, or that the item may be gone."""
    try:
        for results, next_url in ags.result_pages(client, start):
            yield _scores(item, results), next_url or DONE
    except ServiceThrottled as fault:
        is_slowed.set()
        yield fault
    except ServiceFailed as fault:
        if fault.http_status not in _MAY_BE_GONE:
            raise
        yield fault


def _scores(item: Item, results: Iterable[Result]) -> list[Score]:
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
    """One result a person. Where a page has two of somebody, the later grading counts, or else the later row. Of two
    pages the one that was read later counts: where rows shifted meanwhile, that is what the platform says now.
    """
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


def _add_people(client: ServiceClient, product: Product, reading: Reading, snapshot: Snapshot) -> None:
    start = snapshot.steps.get("members") or nrps.first_page(reading.memberships_url, product.members_limit)
    if start == DONE:
        return
    with _course_may_be_concluded(product):
        for members, next_url in nrps.member_pages(client, start):
            snapshot.people += roster.people(members)
            snapshot.reached("members", next_url or DONE)


def _item(line_item: LineItem, product: Product) -> Item:
    label = line_item.label or "Without a name"
    try:
        maximum = millionths(line_item.maximum or 0)
    except ValueError as problem:
        raise SourceFailed(line_item.id, message=f"The points of “{label}” cannot be used: {problem}.") from None
    return Item(line_item.id, label, maximum, _exclusion(line_item, maximum), _also(line_item, product))


def _also(line_item: LineItem, product: Product) -> tuple[str, ...]:
    """As the source calls it that reads the product's own interface."""
    found = product.column_of.search(line_item.id) if product.column_of else None
    return (column_name(product, found[1]),) if found else ()


def column_name(product: Product, number: str) -> str:
    return f"{product.name.casefold()}:column:{number}"


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
