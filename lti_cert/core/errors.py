"""Every fault a person can meet: what happened, what it means, what to do. `core.web` turns them into pages."""

from collections.abc import Iterable, Mapping
from typing import ClassVar


class LtiCertError(Exception):
    """Base of all faults that we foresee; a subclass names one kind and says what to do about it.

    `detail` is for the log and the operator: it may name hosts and ids, never a token or a person.
    """

    status: ClassVar[int] = 400
    title: ClassVar[str] = "That did not work"
    message: ClassVar[str] = "The request could not be carried out."
    guidance: ClassVar[str] = "Go back and try again."

    def __init__(self, detail: str = "", *, message: str | None = None, guidance: str | None = None) -> None:
        self.detail = detail
        self.shown_message = message or self.message
        self.shown_guidance = guidance or self.guidance
        super().__init__(detail or self.shown_message)


class InputRejected(LtiCertError):
    """A form, file or command said something that cannot be; `problems` names each one.

    `fields` holds those that are about one field of a form, by its name, as far as that is told.
    """

    status = 422
    title = "Please correct this"
    message = "Some of what was entered cannot be used."
    guidance = "Correct it and send it again. Nothing was changed."

    def __init__(self, *problems: str, fields: Mapping[str, Iterable[str]] | None = None) -> None:
        self.fields = {name: tuple(each) for name, each in (fields or {}).items()}
        self.problems = (*(problem for each in self.fields.values() for problem in each), *problems)
        super().__init__("; ".join(self.problems), message=" ".join(self.problems))


class NotFound(LtiCertError):
    status = 404
    title = "Not found"
    message = "There is nothing at this address."
    guidance = "Check the address, or go back to the page you came from."


class NotAllowed(LtiCertError):
    status = 403
    title = "Not allowed"
    message = "Your role in this course does not allow this."
    guidance = "Ask an instructor of the course."


class Conflict(LtiCertError):
    """What was seen has moved since; nothing was changed."""

    status = 409
    title = "Somebody was faster"
    message = "This has changed since you looked at it."
    guidance = "Look at it again and repeat what you wanted to do, if it still makes sense."
