"""What products do differently where the standard leaves it open, by their launches' `product_family_code`."""

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
    links_with_address: bool = True
    """Whether a link that we hand over names the address it opens. Without one it opens what the registration says."""
    hears_texts: bool = False
    """Whether its pages take messages of `postMessage` as JSON texts only."""
    concluded: frozenset[int] = frozenset()
    """Statuses of a course's line items or members that mean, with certainty, that the course is concluded."""


UNKNOWN = Product()

_BY_FAMILY = {
    # Pages hold 10 rows unless asked otherwise. A concluded course is "not found", or 422 behind a feature flag.
    "canvas": Product("Canvas", page_limit=100, members_limit=50, concluded=frozenset({404, 422})),
    # `limit` crashes the results of 4.1 (an HTML page with 404); without it everything comes at once.
    # A link with an address is looked up by its host, and may end at another registration of the same host.
    "moodle": Product("Moodle", parallel=2, links_with_address=False),
    "blackboardlearn": Product("Blackboard", page_limit=1000),
    "desire2learn": Product("Brightspace"),
    "sakai": Product("Sakai", hears_texts=True),
}


def of(family_code: str) -> Product:
    return _BY_FAMILY.get(family_code.casefold(), UNKNOWN)
