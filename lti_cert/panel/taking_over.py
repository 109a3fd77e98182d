"""Begin with the settings of the course that this one is a copy of: rules and designs, as drafts."""

from lti_cert.achievements import taking_over
from lti_cert.issuing import design
from lti_cert.panel.pages import Notice
from lti_cert.panel.place import Place

_TAKEN = "Taken over as a draft. Look at the rules, then open it."
_UNMATCHED = (
    "These assessments of the old course were left out of the rules, since this course has none, or several, of that "
    "name. A requirement that lost all of its own asks for every assessment now."
)


def take_over(place: Place) -> Notice:
    """In the caller's transaction.

    :raises Conflict: there is nothing to take over any more.
    """
    taken = taking_over.take_over(place.course, actor=place.actor)
    for old, draft in taken.copies:
        design.copy(old, draft)
    if taken.unmatched:
        return Notice("waiting", f"{_TAKEN} {_UNMATCHED}", taken.unmatched)
    return Notice("done", _TAKEN)
