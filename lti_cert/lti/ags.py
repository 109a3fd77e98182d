"""Line items and results, as Assignment and Grade Services 2.0 has them. https://www.imsglobal.org/spec/lti-ags/v2p0"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from lti_cert.lti import fields
from lti_cert.lti.fields import Number, Row
from lti_cert.lti.service_client import ServiceClient

LINE_ITEMS_TYPE = "application/vnd.ims.lis.v2.lineitemcontainer+json"
LINE_ITEM_TYPE = "application/vnd.ims.lis.v2.lineitem+json"
RESULTS_TYPE = "application/vnd.ims.lis.v2.resultcontainer+json"

_SAKAI = "https://www.sakailms.org/spec/lti-ags/v2p0/"
"""https://github.com/sakaiproject/sakai/blob/master/lti/docs/LTI13_EXTENSIONS.md"""


@dataclass(frozen=True, slots=True)
class LineItem:
    id: str
    """Its address."""
    label: str
    maximum: Number | None
    resource_id: str = ""
    tag: str = ""
    resource_link_id: str = ""
    is_read_only: bool = False
    """A column of somebody else, shown to this tool: the platform opens its whole gradebook."""
    is_released: bool = True
    is_in_final_grade: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    user_id: str
    score: Number | None
    """Points of `maximum`; None where nothing is graded."""
    maximum: Number
    timestamp: str = ""
    """When it was graded. Not of the standard; Moodle sends it."""


def line_items(client: ServiceClient, url: str, limit: int | None = None) -> list[LineItem]:
    """All line items of a container.

    :raises PlatformUnreachable: as `ServiceClient.pages`, or a row that cannot be used.
    """
    return [
        item
        for page in client.pages(with_query(url, limit=limit), LINE_ITEMS_TYPE)
        for item in fields.read_each(page.url, page.body, _line_item)
    ]


def line_item(client: ServiceClient, url: str) -> LineItem:
    page = client.get_page(url, LINE_ITEM_TYPE)
    return fields.read_each(page.url, [page.body], _line_item)[0]


def result_pages(client: ServiceClient, url: str) -> Iterator[tuple[list[Result], str]]:
    """Results a page at a time from this address on, each with the address of the next page, empty after the last.

    Somebody who is not graded may be absent, or present without a score.

    :raises PlatformUnreachable: as `ServiceClient.pages`, or a row that cannot be used.
    """
    for page in client.pages(url, RESULTS_TYPE):
        yield fields.read_each(page.url, page.body, _result), page.next_url


def results_url(line_item_id: str) -> str:
    """`/results` goes before the query, which stays as it is."""
    path, mark, query = line_item_id.partition("?")
    return f"{path.rstrip('/')}/results{mark}{query}"


def with_query(url: str, **parameters: object) -> str:
    """The address with these parameters behind its own, which are left as they are; None leaves one out."""
    added = urlencode({key: value for key, value in parameters.items() if value is not None})
    return f"{url}{'&' if '?' in url else '?'}{added}" if added else url


def _line_item(row: Row) -> LineItem:
    label = fields.text(row, "label")
    what = f"the line item “{label}”" if label else "a line item"
    return LineItem(
        id=fields.identifier(row, "id", what),
        label=label,
        maximum=fields.number(row, "scoreMaximum", what),
        resource_id=fields.text(row, "resourceId"),
        tag=fields.text(row, "tag"),
        resource_link_id=fields.text(row, "resourceLinkId"),
        is_read_only=row.get(_SAKAI + "readOnly") is True,
        is_released=row.get("gradesReleased") is not False and row.get(_SAKAI + "releaseToStudent") is not False,
        is_in_final_grade=row.get(_SAKAI + "includeInComputation") is not False,
    )


def _result(row: Row) -> Result:
    user_id = fields.identifier(row, "userId", "a result")
    score = fields.number(row, "resultScore", "a result")
    return Result(
        user_id=user_id,
        score=score,
        maximum=1 if score is None else _maximum(row, score),
        timestamp=fields.text(row, "timestamp"),
    )


def _maximum(row: Row, score: Number) -> Number:
    """The standard's default is 1; but a platform that forgot to say 10 would so turn 8 points into 800 %.

    :raises ValueError: it is not positive, or missing where the score is above 1.
    """
    maximum = fields.number(row, "resultMaximum", "a result")
    if maximum is None:
        maximum = 1
        if score > 1:
            raise ValueError(f"a result of {score} points does not say of how many")
    if maximum <= 0:
        raise ValueError(f"a result of {score} points is out of {maximum}")
    return maximum
