"""What products do differently where the standard leaves it open, by their launches' `product_family_code`."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    name: str = "The learning platform"
    """As a sentence begins with it."""
    page_limit: int | None = None
    """Sent as `limit` to line items and results; None sends none, and takes the pages as they come."""
    members_limit: int | None = None
    """The same for names and roles."""
    parallel: int = 4
    """How many requests at a time."""
    concluded: frozenset[int] = frozenset()
    """Statuses of a course's line items or members that mean, with certainty, that the course is concluded."""
    column_of: re.Pattern[str] | None = None
    """Finds in a line item's address the number under which the product's own interface knows that column."""


UNKNOWN = Product()

_BY_FAMILY = {
    # Pages hold 10 rows unless asked otherwise. A concluded course is "not found", or 422 behind a feature flag.
    "canvas": Product("Canvas", page_limit=100, members_limit=50, concluded=frozenset({404, 422})),
    # `limit` crashes the results of 4.1 (an HTML page with 404); without it everything comes at once.
    "moodle": Product(
        "Moodle", parallel=2, column_of=re.compile(r"/mod/lti/services\.php/\d+/lineitems/(\d+)/lineitem(?:\?|$)")
    ),
    "blackboardlearn": Product("Blackboard", page_limit=1000),
    "desire2learn": Product("Brightspace"),
    "sakai": Product("Sakai"),
}


def of(family_code: str) -> Product:
    return _BY_FAMILY.get(family_code.casefold(), UNKNOWN)
